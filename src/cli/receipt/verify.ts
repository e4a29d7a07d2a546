/** `quipu verify FILE…`: checks receipts offline, and with `--rerun` computes them again. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCodes, QuipuError } from "../../base/errors.js";
import { bundleBytesMax, parsePem, trustedRootName } from "../../proof/receipt/bundle.js";
import { parseVerifierKey } from "../../proof/tlog/note.js";
import { type Report, verifyReceipt } from "../../proof/verify/receipt.js";
import { type Trust, trustBeside } from "../../proof/verify/trust.js";
import type { Context, Invocation, VerbAction } from "../context.js";
import { type Rerun, rerun } from "./rerun.js";

export const action: VerbAction = async (context, { args, options }) => {
  const results: { file: string; report: Report; again?: Rerun }[] = [];
  for (const file of args) {
    const report = await verifyBundle(file, options);
    if (options.rerun !== true || !report.ok) results.push({ file, report });
    else results.push({ file, report, again: await rerunAsAsked(context, file, options) });
  }
  const good = results.every(({ report, again }) => report.ok && again?.equal !== false);
  const value = results.map(({ file, report: { statement, ...facts }, again }) => ({
    file,
    ...facts,
    runId: statement?.predicate.run.id ?? null,
    ...(again === undefined ? {} : { rerun: again }),
  }));
  context.output.result({ ok: good, receipts: value }, () =>
    results.map(({ file, report, again }) => page(context, file, report, again)).join("\n"),
  );
  return good ? 0 : errorCodes.VERIFICATION_FAILED.exit;
};

/** The report of one bundle, with the keys beside it unless `options` pin others. */
export async function verifyBundle(
  file: string,
  options: Invocation["options"] = {},
): Promise<Report> {
  const facts = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `the receipt ${file} cannot be read: ${cause.message}`, {
      next: "save a job's receipt with `quipu receipt show JOB --to FOLDER`",
      cause,
    });
  });
  if (!facts.isFile() || facts.size > bundleBytesMax) {
    throw new QuipuError("INVALID_ARGUMENT", `${file} is no receipt bundle`, {
      next: "name a file that ends in .sigstore.json",
    });
  }
  return verifyReceipt(await readFile(file), await trustFor(dirname(file), options));
}

async function trustFor(folder: string, options: Invocation["options"]): Promise<Trust> {
  const [keyFile, logKey] = [options.key, options.logKey];
  if ((keyFile === undefined) !== (logKey === undefined)) {
    throw new QuipuError("USAGE", "--key and --log-key pin who is believed, and go together");
  }
  if (keyFile !== undefined) {
    return {
      receiptKeys: [parsePem(await readFile(String(keyFile), "utf8"))],
      logKeys: [parseVerifierKey(String(logKey))],
      source: "pinned",
    };
  }
  const names = (await readdir(folder)).filter(
    (n) => n.endsWith(".pub.pem") || n === trustedRootName,
  );
  return trustBeside(
    await Promise.all(
      names.map(async (name) => ({ name, content: await readFile(join(folder, name)) })),
    ),
  );
}

function rerunAsAsked(
  context: Context,
  bundle: string,
  options: Invocation["options"],
): Promise<Rerun> {
  if (options.data === undefined) {
    throw new QuipuError("USAGE", "--rerun needs the data set's folder", {
      next: "give it with --data",
    });
  }
  return rerun({
    bundle,
    dataFolder: String(options.data),
    modelPath: options.model as string | undefined,
    backend: options.backend as "auto",
    signal: context.signal,
  });
}

function page({ output }: Context, file: string, report: Report, again: Rerun | undefined): string {
  const mark = (ok: boolean): string =>
    ok ? output.style("green", "ok    ") : output.style("red", "FAILED");
  const lines = report.checks.map(
    ({ name, ok, text }) => `  ${mark(ok)}  ${name.padEnd(10)}  ${text}`,
  );
  if (again !== undefined) {
    const text = again.equal
      ? `the same bits with ${again.backend}`
      : `${again.got}, not ${again.expected}`;
    lines.push(`  ${mark(again.equal)}  rerun       ${text}`);
  }
  if (report.ok && report.trust === "beside") {
    lines.push(
      "  the keys came with the receipt; pin them with --key and --log-key to know whose they are",
    );
  }
  return [basename(file), ...lines].join("\n");
}
