/** `quipu quota ls`: what each owner may use, and what it uses. */
import type { VerbAction } from "../context.js";
import { quotaColumns, quotaView } from "./quota-view.js";

export const action: VerbAction = async (context) => {
  const { quotas } = await context.coordinator();
  const views = (await quotas.listQuotas({})).quotas.map(quotaView);
  const empty = "no quotas and no runs; next: quipu quota set OWNER --cuda COUNT";
  context.output.table({ quotas: views }, views, quotaColumns, empty);
  return 0;
};
