/** `quipu policy explain RULE`: what one rule says, the law behind it, and its text. */
import { timestamp } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { ruleViews } from "./rule-view.js";
import { chosenPolicy } from "./set-in-force.js";

export const action: VerbAction = async (context, invocation) => {
  const [id = ""] = invocation.args;
  const { policy } = await chosenPolicy(context, invocation);
  const text = policy.rules.get(id)?.text;
  const rule = ruleViews(policy, timestamp(Date.now())).find((one) => one.id === id);
  if (rule === undefined || text === undefined) {
    throw new QuipuError("NOT_FOUND", `no rule of the set is named ${id.slice(0, 100)}`, {
      next: "see `quipu policy ls`; refusals of Quipu itself are in docs/policy.md",
    });
  }
  context.output.result({ digest: policy.digest, rule: { ...rule, text } }, () =>
    [
      `${rule.id}  ${rule.effect}  ${rule.file}:${rule.line}`,
      rule.says,
      ...(rule.law === null ? [] : [`law     ${rule.law}`]),
      ...(rule.review === null
        ? []
        : [`review  ${rule.review}${rule.stale ? ", which is past" : ""}`]),
      "",
      text,
    ].join("\n"),
  );
  return 0;
};
