/** `quipu receipt show JOB|FILE`: what a receipt states; `--to` keeps its files. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { Notice } from "../../model/notice.js";
import type { Statement } from "../../model/statement.js";
import type { Report } from "../../proof/verify/receipt.js";
import type { VerbAction } from "../context.js";
import { bytesText, shortDigest } from "../table.js";
import { faultOf, verifyBundle } from "./check.js";
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
    const { statement, notice, shown, keyId, logIndex, origin, treeSize, checks } = report;
    const stated = statement ?? notice;
    if (shown !== undefined) {
      throw new QuipuError("INVALID_ARGUMENT", "this file shows some fields of a receipt only", {
        next: `see them with \`quipu verify ${file ?? subject}\``,
      });
    }
    const lacking = checks.find(({ name, ok }) => name === "witnesses" && !ok);
    const wrong = faultOf(report);
    if (stated === undefined || wrong !== undefined) {
      const { text = "it has no statement" } = wrong ?? {};
      throw new QuipuError("VERIFICATION_FAILED", `the receipt does not verify: ${text}`);
    }
    const log = { origin, index: logIndex, size: treeSize };
    const witnesses = lacking === undefined ? {} : { witnesses: lacking.text };
    context.output.result({ file, keyId, log, ...witnesses, statement: stated }, () => {
      const lines = [
        ...(statement === undefined ? noticePage(notice as Notice) : page(statement)),
        `log        ${origin}, entry ${logIndex} of ${treeSize}`,
        ...(lacking === undefined ? [] : [`witnesses  ${lacking.text}`]),
      ];
      if (file !== null) {
        const checker = join(context.paths.packageRoot, "web", "verify.html");
        lines.push(
          `saved      ${file}; next: quipu verify ${file}`,
          `           or open ${checker} in a browser and drop the folder on it`,
        );
      }
      return lines.join("\n");
    });
  }
};

function noticePage({ predicate }: Notice): string[] {
  const { coordinator, at } = predicate;
  const signer = [`time       ${at}`, `signed by  the coordinator of ${coordinator}`];
  if (!("job" in predicate)) {
    const details = Object.entries(predicate.details).map(([name, text]) => `${name} ${text}`);
    return [
      `act        ${predicate.kind}`,
      ...signer,
      ...details.map((one) => `           ${one}`),
    ];
  }
  const { job, outcome, failure, reason, attempts, lastRun } = predicate;
  return [
    `job        ${job.id} of ${job.owner}: ${outcome}, after ${attempts} runs`,
    ...(failure === undefined ? [] : [`failure    ${failure.code}  ${failure.message}`]),
    ...(reason === undefined ? [] : [`reason     ${reason}`]),
    ...(lastRun === undefined
      ? []
      : [`last run   ${lastRun.id} on ${lastRun.host}, ${lastRun.country}`]),
    ...signer,
  ];
}

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
