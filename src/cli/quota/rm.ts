/** `quipu quota rm OWNER`: it has nothing of its own any more, and no limit. */
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context, { args }) => {
  const { quotas } = await context.coordinator();
  const owner = args[0] ?? "";
  await quotas.removeQuota({ owner });
  context.output.result({ owner }, () => `${owner} has no quota any more`);
  return 0;
};
