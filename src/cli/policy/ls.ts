/** `quipu policy ls`: the rules in force, or those of files. */
import { timestamp } from "../../base/clock.js";
import type { VerbAction } from "../context.js";
import { renderTable } from "../table.js";
import { ruleViews } from "./rule-view.js";
import { chosenPolicy } from "./set-in-force.js";

export const action: VerbAction = async (context, invocation) => {
  const { policy, since } = await chosenPolicy(context, invocation);
  const { digest, settings } = policy;
  const rules = ruleViews(policy, timestamp(Date.now()));
  context.output.result({ digest, since, settings, rules }, () => {
    const table = renderTable(rules, [
      { title: "RULE", cell: (rule) => rule.id },
      { title: "EFFECT", cell: (rule) => rule.effect },
      {
        title: "REVIEW",
        cell: (rule) => (rule.stale ? `${rule.review} PAST` : (rule.review ?? "-")),
      },
      { title: "SAYS", cell: (rule) => rule.says },
    ]);
    const when = since === null ? "" : `, in force since ${since}`;
    return `${digest}, ${rules.length} rules${when}\n${table}`;
  });
  return 0;
};
