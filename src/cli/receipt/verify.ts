/** `quipu verify FILE…`: checks receipts offline, and with `--rerun` computes them again. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { Statement } from "../../model/statement.js";
import type { Report } from "../../proof/verify/receipt.js";
import type { Context, Invocation, VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { verifyBundle } from "./check.js";
import { demandLawfulHere } from "./lawful-here.js";
import { checkFastRun, claimedOutputs, fastTask, type ProductFacts } from "./product.js";
import { type Rerun, rerun } from "./rerun.js";
import { withInputs } from "./rerun-inputs.js";
import { shownLines } from "./shown.js";
import { runIn } from "./stated-run.js";

/** What was computed again: all bits, or of a fast run whether its product lies within the error model. */
interface Again {
  readonly rerun?: Rerun;
  readonly product?: ProductFacts;
}

const roundsMax = 1_000;

export const action: VerbAction = async (context, { args, options }) => {
  const results: { file: string; report: Report; again?: Again }[] = [];
  for (const file of args) {
    const report = await verifyBundle(file, options);
    const { ok, statement } = report;
    if (options.rerun === true && report.shown !== undefined) {
      throw new QuipuError("USAGE", `${file} shows some fields of a receipt, and no job to run`, {
        next: "leave --rerun out, or give the receipt itself",
      });
    }
    if (options.rerun !== true || !ok || statement === undefined) results.push({ file, report });
    else results.push({ file, report, again: await runAgain(context, statement, options) });
  }
  const good = results.every(({ report, again }) => report.ok && isRight(again));
  const value = results.map(({ file, report: { statement, notice, shown, ...facts }, again }) => ({
    file,
    ...facts,
    runId: statement?.predicate.run.id ?? null,
    ...(shown && { shown: { ...shown, fields: Object.fromEntries(shown.fields) } }),
    ...(notice === undefined ? {} : { notice: notice.predicate }),
    ...again,
  }));
  context.output.result({ ok: good, receipts: value }, () =>
    results.map(({ file, report, again }) => page(context, file, report, again)).join("\n"),
  );
  return good ? 0 : errorCodes.VERIFICATION_FAILED.exit;
};

function isRight({ rerun, product }: Again = {}): boolean {
  return rerun?.equal !== false && product?.within !== false;
}

async function runAgain(
  context: Context,
  statement: Statement,
  options: Invocation["options"],
): Promise<Again> {
  const run = runIn(statement);
  const task = fastTask(run.job, statement);
  const check = task && {
    task,
    outputPath: claimedOutputs(task, options.file),
    rounds: wholeNumber(options.rounds, "--rounds", 1, roundsMax),
    seed: options.seed === undefined ? randomBytes(32).toString("hex") : String(options.seed),
  };
  const place = await demandLawfulHere(context, run, options);
  const { signal } = context;
  const backend = options.backend as "auto";
  return await withInputs(context, { run, place }, options, async (inputs): Promise<Again> => {
    const asked = { statement, ...inputs, backend, signal };
    if (check === undefined) return { rerun: await rerun(asked) };
    return { product: await checkFastRun(run.job, { ...asked, ...check }) };
  });
}

function page({ output }: Context, file: string, report: Report, again: Again = {}): string {
  const mark = (ok: boolean): string =>
    ok ? output.style("green", "ok    ") : output.style("red", "FAILED");
  const lines = report.checks.map(
    ({ name, ok, text }) => `  ${mark(ok)}  ${name.padEnd(10)}  ${text}`,
  );
  if (report.shown !== undefined) {
    lines.push(...shownLines(report.shown).map((line) => `          ${line}`));
  }
  const { rerun, product } = again;
  if (rerun !== undefined) {
    const text = rerun.equal
      ? `the same bits with ${rerun.backend}`
      : `${rerun.got}, not ${rerun.expected}`;
    lines.push(`  ${mark(rerun.equal)}  rerun       ${text}`);
  }
  if (product !== undefined) {
    lines.push(`  ${mark(product.within)}  product     ${productText(product)}`);
  }
  if (report.ok && report.trust === "beside") {
    lines.push(
      "  the keys came with the receipt; pin them with --key (or --notice-key) and --log-key to know whose they are",
    );
  }
  return [basename(file), ...lines].join("\n");
}

function productText(facts: ProductFacts): string {
  const { format, within, worst, rounds, seed, elements, unchecked } = facts;
  const what = Number.isFinite(worst)
    ? `residuals of up to ${worst.toPrecision(2)} of the bound of ${format}`
    : "it holds what is not finite, and its operands are";
  const left = unchecked === 0 ? "" : `; ${unchecked} of ${elements} elements could not be checked`;
  return `${within ? "within" : "not within"} the error model: ${what}, in ${rounds} rounds of --seed ${seed}${left}`;
}
