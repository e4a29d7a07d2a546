/** `quipu audit show JOB`: also by the id of a run or of an audit. */
import type { VerbAction } from "../context.js";
import { printAudit } from "./audit-view.js";

export const action: VerbAction = async (context, { args }) => {
  const { audits } = await context.coordinator();
  return printAudit(context, (await audits.getAudit({ id: args[0] ?? "" })).audit);
};
