import type { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { auditMessage, findAudit } from "../audit/find.js";
import { type Core, notFound } from "../core.js";

export function getAudit(core: Core): Handlers<typeof AuditService>["getAudit"] {
  return async ({ id }) => {
    const audit = await findAudit(core, id);
    if (audit === undefined)
      throw notFound("audit of", id, "ask for one with `quipu audit ask JOB`");
    return { audit: await auditMessage(core, audit) };
  };
}
