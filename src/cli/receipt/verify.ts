/** `quipu verify FILE…`: checks receipts offline, and with `--rerun` computes them again. */
import { basename } from "node:path";
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { Statement } from "../../model/statement.js";
import type { Report } from "../../proof/verify/receipt.js";
import type { Context, Invocation, VerbAction } from "../context.js";
import { verifyBundle } from "./check.js";
import { demandLawfulHere } from "./lawful-here.js";
import { type Rerun, rerun, runIn } from "./rerun.js";
import { withInputs } from "./rerun-inputs.js";
import { shownLines } from "./shown.js";

export const action: VerbAction = async (context, { args, options }) => {
  const results: { file: string; report: Report; again?: Rerun }[] = [];
  for (const file of args) {
    const report = await verifyBundle(file, options);
    const { ok, statement } = report;
    if (options.rerun === true && report.shown !== undefined) {
      throw new QuipuError("USAGE", `${file} shows some fields of a receipt, and no job to run`, {
        next: "leave --rerun out, or give the receipt itself",
      });
    }
    if (options.rerun !== true || !ok || statement === undefined) results.push({ file, report });
    else results.push({ file, report, again: await rerunAsAsked(context, statement, options) });
  }
  const good = results.every(({ report, again }) => report.ok && again?.equal !== false);
  const value = results.map(({ file, report: { statement, notice, shown, ...facts }, again }) => ({
    file,
    ...facts,
    runId: statement?.predicate.run.id ?? null,
    ...(shown && { shown: { ...shown, fields: Object.fromEntries(shown.fields) } }),
    ...(notice === undefined ? {} : { notice: notice.predicate }),
    ...(again === undefined ? {} : { rerun: again }),
  }));
  context.output.result({ ok: good, receipts: value }, () =>
    results.map(({ file, report, again }) => page(context, file, report, again)).join("\n"),
  );
  return good ? 0 : errorCodes.VERIFICATION_FAILED.exit;
};

async function rerunAsAsked(
  context: Context,
  statement: Statement,
  options: Invocation["options"],
): Promise<Rerun> {
  const run = runIn(statement);
  const place = await demandLawfulHere(context, run, options);
  const { signal } = context;
  const backend = options.backend as "auto";
  return await withInputs(context, { run, place }, options, (inputs) =>
    rerun({ statement, ...inputs, backend, signal }),
  );
}

function page({ output }: Context, file: string, report: Report, again: Rerun | undefined): string {
  const mark = (ok: boolean): string =>
    ok ? output.style("green", "ok    ") : output.style("red", "FAILED");
  const lines = report.checks.map(
    ({ name, ok, text }) => `  ${mark(ok)}  ${name.padEnd(10)}  ${text}`,
  );
  if (report.shown !== undefined) {
    lines.push(...shownLines(report.shown).map((line) => `          ${line}`));
  }
  if (again !== undefined) {
    const text = again.equal
      ? `the same bits with ${again.backend}`
      : `${again.got}, not ${again.expected}`;
    lines.push(`  ${mark(again.equal)}  rerun       ${text}`);
  }
  if (report.ok && report.trust === "beside") {
    lines.push(
      "  the keys came with the receipt; pin them with --key (or --notice-key) and --log-key to know whose they are",
    );
  }
  return [basename(file), ...lines].join("\n");
}
