/** `quipu host cordon HOST`: no new runs there; what runs may end. */
import type { VerbAction } from "../context.js";
import { printHost } from "./show.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { hosts } = await context.coordinator();
  const reason = String(options.reason);
  const { host } = await hosts.cordonHost({ name: args[0] ?? "", reason });
  return printHost(context, host);
};
