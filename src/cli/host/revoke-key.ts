/** `quipu host revoke-key HOST [--key KEYID]`: what that key signs from now on counts for nothing. */
import type { VerbAction } from "../context.js";
import { printHost } from "./show.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { hosts } = await context.coordinator();
  const keyId = String(options.key ?? "");
  const reason = String(options.reason);
  const { host } = await hosts.revokeKey({ name: args[0] ?? "", reason, keyId });
  return printHost(context, host);
};
