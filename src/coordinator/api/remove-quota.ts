import type { QuotaService } from "../../gen/quipu/v1/quota_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { type Core, notFound } from "../core.js";
import { setQuota } from "../dispatch/quotas.js";

export function removeQuota(core: Core): Handlers<typeof QuotaService>["removeQuota"] {
  return async ({ owner }) => {
    if (!core.quotas.has(owner)) throw notFound("quota of", owner, "see `quipu quota ls`");
    await setQuota(core, owner, undefined);
    return {};
  };
}
