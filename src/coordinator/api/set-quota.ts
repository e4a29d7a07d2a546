import { QuipuError } from "../../base/errors.js";
import type { QuotaService } from "../../gen/quipu/v1/quota_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { quotaMessage, quotaOf, setQuota as set } from "../dispatch/quotas.js";

export function setQuota(core: Core): Handlers<typeof QuotaService>["setQuota"] {
  return async ({ quota: said }) => {
    if (said === undefined) {
      const next = "send the owner, and what it may have of each kind of device";
      throw new QuipuError("INVALID_ARGUMENT", "no quota was given", { next });
    }
    const quota = quotaOf(said);
    await set(core, quota.owner, quota);
    return { quota: quotaMessage(core, quota.owner) };
  };
}
