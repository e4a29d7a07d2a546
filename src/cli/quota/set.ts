/** `quipu quota set OWNER`: how many devices of each kind are its own, and how many it may borrow. */
import { deviceKinds } from "../../model/host.js";
import type { Invocation, VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { renderTable } from "../table.js";
import { quotaColumns, quotaView } from "./quota-view.js";

export const action: VerbAction = async (context, { args, options }) => {
  const kinds = deviceKinds.flatMap((kind) => {
    const nominal = countOf(options, kind);
    const borrowMax = countOf(options, `${kind}Borrow`);
    if (nominal === undefined && borrowMax === undefined) return [];
    return [{ kind, nominal: nominal ?? 0, ...(borrowMax === undefined ? {} : { borrowMax }) }];
  });
  const weight = countOf(options, "weight") ?? 1;
  const { quotas } = await context.coordinator();
  const { quota } = await quotas.setQuota({ quota: { owner: args[0] ?? "", weight, kinds } });
  if (quota === undefined) throw new Error("a quota was answered without its value");
  const view = quotaView(quota);
  context.output.result({ quota: view }, () => renderTable([view], quotaColumns));
  return 0;
};

function countOf(options: Invocation["options"], name: string): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return wholeNumber(text, `--${flag}`, 0, 2 ** 31 - 1);
}
