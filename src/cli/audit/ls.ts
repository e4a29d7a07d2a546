/** `quipu audit ls`. */
import type { VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { auditColumns, auditView } from "./audit-view.js";

export const action: VerbAction = async (context, { options }) => {
  const limit = wholeNumber(options.limit, "--limit", 1, 500);
  const { audits } = await context.coordinator();
  const answer = await audits.listAudits({ limit });
  const views = answer.audits.map(auditView);
  const value = { audits: views, next: answer.next === "" ? null : answer.next };
  const empty = "no run was run again yet; next: quipu audit ask JOB";
  context.output.table(value, views, auditColumns, empty);
  return 0;
};
