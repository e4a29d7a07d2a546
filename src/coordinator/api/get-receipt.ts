import { QuipuError } from "../../base/errors.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { JobRecord, NoticeRecord, ReceiptRecord, RunRecord } from "../../io/store/records.js";
import {
  bundleSuffix,
  decisionSuffix,
  noticeFiles,
  noticeKeySuffix,
  type ReceiptFile,
  receiptFiles,
  revokedSuffix,
} from "../../proof/receipt/bundle.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import { revocationId } from "../log/host-keys.js";
import { findJob } from "./get-job.js";
import type { Durable } from "./log-service.js";

/** Made when asked for: the same receipt under the log's newest checkpoint. */
export function getReceipt(core: Durable): Handlers<typeof LogService>["getReceipt"] {
  return async ({ jobId }) => {
    const { store, log } = core.ports;
    const job = await findJob(core, jobId);
    const notice = await store.notices.get(jobId);
    if (notice !== undefined) return await filesOfNotice(core, notice);
    const { run, envelope, logIndex } = await loggedReceipt(core, job.runId, job);
    const proof = await log.inclusion(logIndex);
    const files = receiptFiles(jobId, envelope, run.receiptKey, proof, log);
    const decision = await store.decisions.get(run.decisionId);
    if (decision !== undefined) {
      files.push({ name: `${jobId}${decisionSuffix}`, content: decision.content });
    }
    files.push(...(await revocationOf(core, run.receiptKey)));
    return { files, logIndex: BigInt(logIndex) };
  };
}

/** Of a run; NOT_FOUND unless it is in the log and is still kept. */
export async function loggedReceipt(
  { ports: { store } }: Durable,
  runId: string,
  job: JobRecord,
): Promise<ReceiptRecord & { readonly logIndex: number; readonly run: RunRecord }> {
  const run = await store.runs.get(runId);
  const receipt = await store.receipts.get(runId);
  if (run === undefined || receipt?.stage !== "logged" || receipt.logIndex === undefined) {
    throw new QuipuError("NOT_FOUND", `job ${job.id} is ${job.state} and has no receipt`, {
      next: `wait for its end with \`quipu job wait ${job.id}\``,
    });
  }
  const { logIndex } = receipt;
  if (receipt.envelope.length > 0) return { ...receipt, logIndex, run };
  throw new QuipuError("NOT_FOUND", `the receipt of job ${job.id} was erased`, {
    next: `entry ${logIndex} of the log is still its digest, and an act there says why it was`,
  });
}

/** Where the key was revoked, whenever: the notice of it, for the offline check. */
async function revocationOf(core: Durable, key: Uint8Array): Promise<readonly ReceiptFile[]> {
  const keyId = receiptKeyId(key);
  const notice = await core.ports.store.notices.get(revocationId(keyId));
  if (notice?.logIndex === undefined) return [];
  const { files } = await filesOfNotice(core, notice);
  return files.flatMap((file) => {
    if (file.name.endsWith(noticeKeySuffix)) return [file];
    if (!file.name.endsWith(bundleSuffix)) return [];
    return [{ name: `${keyId}${revokedSuffix}`, content: file.content }];
  });
}

/** What the coordinator signed where no host could. */
async function filesOfNotice(core: Durable, { id, envelope, key, logIndex }: NoticeRecord) {
  const { log } = core.ports;
  if (logIndex === undefined) {
    throw new QuipuError("UNAVAILABLE", `the end of job ${id} is on its way into the log`, {
      next: "try again in a moment",
    });
  }
  const files = noticeFiles(id, envelope, key, await log.inclusion(logIndex), log);
  return { files, logIndex: BigInt(logIndex) };
}
