import { QuipuError } from "../../base/errors.js";
import type { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { auditMessage } from "../audit/find.js";
import { type Core, notFound } from "../core.js";

const limitUsual = 100;
const limitMax = 500;

export function listAudits(core: Core): Handlers<typeof AuditService>["listAudits"] {
  return async ({ limit, after }) => {
    if (limit > limitMax) {
      throw new QuipuError("INVALID_ARGUMENT", `limit ${limit} is not from 0 to ${limitMax}`);
    }
    const { audits } = core.ports.store;
    const before = after === "" ? undefined : await audits.get(after);
    if (after !== "" && before === undefined)
      throw notFound("audit", after, "see `quipu audit ls`");
    const count = limit === 0 ? limitUsual : limit;
    const found = await audits.list(count + 1, before); // one more tells whether there is a next page
    const page = found.slice(0, count);
    return {
      audits: await Promise.all(page.map((audit) => auditMessage(core, audit))),
      next: found.length > count ? (page.at(-1)?.id ?? "") : "",
    };
  };
}
