import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { submitJobs as submit } from "../job/admission.js";
import { jobMessage } from "../wire.js";

export function submitJobs(core: Core): Handlers<typeof JobService>["submitJobs"] {
  return async ({ idempotencyKey, specs }) => {
    const admitted = await submit(core, idempotencyKey, specs);
    return { jobs: await Promise.all(admitted.map((job) => jobMessage(core, job))) };
  };
}
