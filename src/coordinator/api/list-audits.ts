import type { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { auditMessages } from "../audit/find.js";
import { type Core, notFound } from "../core.js";
import { pageSize } from "./page-size.js";

export function listAudits(core: Core): Handlers<typeof AuditService>["listAudits"] {
  return async ({ limit, after }) => {
    const count = pageSize(limit);
    const { audits } = core.ports.store;
    const before = after === "" ? undefined : await audits.get(after);
    if (after !== "" && before === undefined)
      throw notFound("audit", after, "see `quipu audit ls`");
    const found = await audits.list(count + 1, before); // one more tells whether there is a next page
    const page = found.slice(0, count);
    return {
      audits: await auditMessages(core, page),
      next: found.length > count ? (page.at(-1)?.id ?? "") : "",
    };
  };
}
