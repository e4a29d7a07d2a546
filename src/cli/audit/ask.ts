/** `quipu audit ask JOB`: another lawful host runs it again. */
import type { VerbAction } from "../context.js";
import { printAudit } from "./audit-view.js";

export const action: VerbAction = async (context, { args }) => {
  const { audits } = await context.coordinator();
  return printAudit(context, (await audits.askAudit({ id: args[0] ?? "" })).audit);
};
