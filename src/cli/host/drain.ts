/** `quipu host drain HOST --within SECONDS`: no new runs there; what still runs then goes elsewhere. */
import { QuipuError } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { printHost } from "./show.js";

export const action: VerbAction = async (context, { args, options }) => {
  const seconds = Number(options.within);
  if (!Number.isInteger(seconds) || seconds < 0) {
    throw new QuipuError("USAGE", `--within ${options.within} is no number of whole seconds`, {
      next: "quipu host drain HOST --within 600",
    });
  }
  const { hosts } = await context.coordinator();
  const request = { name: args[0] ?? "", reason: String(options.reason) };
  const { host } = await hosts.cordonHost({ ...request, drainMs: BigInt(1000 * seconds) });
  return printHost(context, host);
};
