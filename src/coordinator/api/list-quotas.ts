import type { QuotaService } from "../../gen/quipu/v1/quota_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { quotaMessage } from "../dispatch/quotas.js";

export function listQuotas(core: Core): Handlers<typeof QuotaService>["listQuotas"] {
  return async () => {
    const running = [...core.runs.all()].map(({ job }) => job.owner);
    const owners = [...new Set([...core.quotas.keys(), ...running])].sort();
    return { quotas: owners.map((owner) => quotaMessage(core, owner)) };
  };
}
