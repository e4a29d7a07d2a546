/** What a run has come to, as far as it says something of the job and not of the host. */
import type { ErrorCode } from "../../base/errors.js";
import type { AuditAnswerRecord, JobRecord, RunRecord } from "../../io/store/records.js";
import type { Outcome } from "../../model/audit.js";
import { deviceKind } from "../../model/host.js";
import { isCheck } from "../../model/product-check.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import { specOf } from "../job/specs.js";

/** A job that fails with one of these does so on every host. */
const jobFaults: readonly ErrorCode[] = ["MODEL_INVALID", "SHAPE_MISMATCH", "DATA_INVALID"];

/** Undefined where another host might come to something else, and nobody would be wrong. */
export function outcomeOf({ state, failure, result, spec }: JobRecord): Outcome | undefined {
  if (state === "succeeded" && result?.determinism === "bitwise") {
    return isCheckJob({ spec }) ? result.outputs[0]?.digest : result.outputDigest;
  }
  const isOwnFault = state === "failed" && failure && jobFaults.includes(failure.code);
  return isOwnFault ? `failed:${failure.code}` : undefined;
}

function isCheckJob(job: Pick<JobRecord, "spec">): boolean {
  const { task } = specOf(job);
  return task.driver === "tensor" && isCheck(task);
}

export function answerOf(
  answer: AuditAnswerRecord["answer"],
  run: RunRecord,
  auditId: string,
  atMs: number,
): AuditAnswerRecord {
  const { id: runId, host, device } = run;
  const keyId = receiptKeyId(run.receiptKey);
  const kind = deviceKind({ id: device });
  return { runId, auditId, host, keyId, deviceKind: kind, answer, finding: "open", atMs };
}
