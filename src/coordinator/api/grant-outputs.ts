import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { grantOutputs as grant } from "../dispatch/grants.js";
import { findJob } from "./get-job.js";

export function grantOutputs(core: Core): Handlers<typeof JobService>["grantOutputs"] {
  return async ({ id, destinationCountry, recipient }) => {
    const job = await findJob(core, id);
    const rights = await grant(core, job, destinationCountry, recipient || undefined);
    return {
      outputs: rights.map(({ artifact, url, token }) => ({
        artifact: { ...artifact, sizeBytes: BigInt(artifact.sizeBytes), host: job.host },
        url,
        token,
      })),
    };
  };
}
