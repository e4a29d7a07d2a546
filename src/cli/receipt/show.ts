/** `quipu receipt show JOB|FILE`: what a receipt states; `--to` keeps its files. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { Statement } from "../../model/statement.js";
import type { Report } from "../../proof/verify/receipt.js";
import type { VerbAction } from "../context.js";
import { bytesText, shortDigest } from "../table.js";
import { verifyBundle } from "./check.js";
import { saveReceipt } from "./save.js";

export const action: VerbAction = async (context, { args, options }) => {
  const subject = args[0] ?? "";
  const kept = options.to as string | undefined;
  if (existsSync(subject)) {
    show(await verifyBundle(subject), subject);
    return 0;
  }
  const folder = kept ?? (await mkdtemp(join(tmpdir(), "quipu-receipt-")));
  try {
    const bundle = await saveReceipt(context, subject, folder);
    show(await verifyBundle(bundle), kept === undefined ? null : bundle);
    return 0;
  } finally {
    if (kept === undefined) await rm(folder, { recursive: true });
  }

  function show(report: Report, file: string | null): void {
    const { statement, keyId, logIndex, origin, treeSize } = report;
    if (statement === undefined || !report.ok) {
      const { text = "it has no statement" } = report.firstFailed ?? {};
      throw new QuipuError("VERIFICATION_FAILED", `the receipt does not verify: ${text}`);
    }
    const log = { origin, index: logIndex, size: treeSize };
    context.output.result({ file, keyId, log, statement }, () => {
      const lines = [...page(statement), `log        ${origin}, entry ${logIndex} of ${treeSize}`];
      if (file !== null) {
        const page = join(context.paths.packageRoot, "web", "verify.html");
        lines.push(
          `saved      ${file}; next: quipu verify ${file}`,
          `           or open ${page} in a browser and drop the folder on it`,
        );
      }
      return lines.join("\n");
    });
  }
};

function page({ subject, predicate }: Statement): string[] {
  const { run, host, execution, usage, runDetails, buildDefinition } = predicate;
  return [
    `run        ${run.id}, epoch ${run.epoch}, of ${run.jobId}: ${run.outcome}`,
    ...(run.failure === undefined
      ? []
      : [`failure    ${run.failure.code}  ${run.failure.message}`]),
    `host       ${host.name}, ${host.place.country}, ${host.place.site}, place ${host.place.grade}`,
    `time       ${runDetails.metadata.startedOn} to ${runDetails.metadata.finishedOn}`,
    ...(execution === undefined
      ? []
      : [
          `execution  ${execution.driver} ${execution.engine} on ${execution.devices.join(", ")}, ${execution.backend}, determinism ${execution.determinism}` +
            (execution.arithmetic === "" ? "" : `, arithmetic ${execution.arithmetic}`),
        ]),
    `usage      ${usage.wallMs} ms, ${usage.deviceMs} ms of devices, ${usage.cpuMs} ms of processor`,
    `           ${bytesText(Number(usage.inputBytes))} in, ${bytesText(Number(usage.outputBytes))} out`,
    ...buildDefinition.resolvedDependencies.map(
      (input) =>
        `input      ${"name" in input ? `data set ${input.name}` : "artifact"}  ${shortDigest(input.digest.sha256)}`,
    ),
    ...subject.map(({ name, digest }) => `output     ${name}  ${shortDigest(digest.sha256)}`),
  ];
}
