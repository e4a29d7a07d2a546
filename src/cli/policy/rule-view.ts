/** A rule as `-o json` prints it. */
import type { PolicyEngine } from "../../scheduler/policy/engine.js";
import type { Rule } from "../../scheduler/policy/rule.js";

export function ruleView({ id, effect, says, law, review, file, line }: Rule) {
  const basis = { law: law ?? null, review: review ?? null };
  return { id, effect, says, ...basis, file, line };
}

export function ruleViews(policy: PolicyEngine, at: string) {
  const stale = new Set(policy.staleRules(at).map(({ id }) => id));
  return [...policy.rules.values()].map((rule) => ({
    ...ruleView(rule),
    stale: stale.has(rule.id),
  }));
}
