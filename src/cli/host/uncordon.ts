/** `quipu host uncordon HOST`: it takes runs again. */
import type { VerbAction } from "../context.js";
import { printHost } from "./show.js";

export const action: VerbAction = async (context, { args }) => {
  const { hosts } = await context.coordinator();
  const { host } = await hosts.uncordonHost({ name: args[0] ?? "" });
  return printHost(context, host);
};
