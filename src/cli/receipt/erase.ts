/** `quipu receipt erase JOB --reason TEXT`: what was stated of a job goes, its digests in the log stay. */
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context, { args, options }) => {
  const jobId = String(args[0]);
  const { jobs } = await context.coordinator();
  const { runIds } = await jobs.eraseReceipt({ jobId, reason: String(options.reason) });
  context.output.result({ jobId, erased: runIds }, () =>
    runIds.length === 0
      ? `${jobId}: nothing was left to erase`
      : `erased what was stated of ${runIds.join(", ")}; the log keeps its digest, and that it was erased`,
  );
  return 0;
};
