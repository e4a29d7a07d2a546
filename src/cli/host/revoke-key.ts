/** `quipu host revoke-key HOST`: what its present key signs from now on counts for nothing. */
import type { VerbAction } from "../context.js";
import { printHost } from "./show.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { hosts } = await context.coordinator();
  const { host } = await hosts.revokeKey({ name: args[0] ?? "", reason: String(options.reason) });
  return printHost(context, host);
};
