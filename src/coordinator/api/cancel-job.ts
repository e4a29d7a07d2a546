import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { cancelJob as cancel } from "../job/cancel.js";
import { jobMessage } from "../wire.js";

export function cancelJob(core: Core): Handlers<typeof JobService>["cancelJob"] {
  return async ({ id, reason }) => ({
    job: await jobMessage(core, await cancel(core, id, reason)),
  });
}
