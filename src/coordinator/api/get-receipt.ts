import { QuipuError } from "../../base/errors.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { decisionSuffix, receiptFiles } from "../../proof/receipt/bundle.js";
import { findJob } from "./get-job.js";
import type { Durable } from "./log-service.js";

/** Made when asked for: the same receipt under the log's newest checkpoint. */
export function getReceipt(core: Durable): Handlers<typeof LogService>["getReceipt"] {
  return async ({ jobId }) => {
    const { store, log } = core.ports;
    const job = await findJob(core, jobId);
    const run = await store.runs.get(job.runId);
    const receipt = await store.receipts.get(job.runId);
    if (run === undefined || receipt?.stage !== "logged" || receipt.logIndex === undefined) {
      throw new QuipuError("NOT_FOUND", `job ${jobId} is ${job.state} and has no receipt`, {
        next: "a receipt is made when a run of the job ends on a host",
      });
    }
    const { logIndex, envelope } = receipt;
    const proof = await log.inclusion(logIndex);
    const files = receiptFiles(jobId, envelope, run.receiptKey, proof, log);
    const decision = await store.decisions.get(run.decisionId);
    if (decision !== undefined) {
      files.push({ name: `${jobId}${decisionSuffix}`, content: decision.content });
    }
    return { files, logIndex: BigInt(logIndex) };
  };
}
