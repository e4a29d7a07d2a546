/**
 * When nothing permits a request, Cedar says no without a reason. The nearest permit is found by
 * asking for its conditions one by one: each top-level conjunct of each permit is a small policy of
 * its own, prepared once, and one evaluation tells which of them hold.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import type { Rule } from "./rule.js";

export interface NearMiss {
  readonly rule: Rule;
  /** Cedar text of the conditions that did not hold. */
  readonly failed: readonly string[];
}

interface Probe {
  readonly scope: string;
  readonly parts: readonly string[];
}

export class NearMisses {
  readonly policies: Readonly<Record<string, cedar.PolicyJson>>;
  readonly #probes = new Map<Rule, Probe>();

  constructor(rules: readonly Rule[]) {
    const policies: Record<string, cedar.PolicyJson> = {};
    for (const rule of rules.filter(({ effect }) => effect === "permit")) {
      const bare = { ...rule.policy, annotations: {}, conditions: [] };
      const scope = `${rule.id}#scope`;
      policies[scope] = bare;
      const parts = rule.policy.conditions.flatMap(conjuncts).map((clause, index) => {
        const id = `${rule.id}#${index}`;
        policies[id] = { ...bare, conditions: [clause] };
        return id;
      });
      this.#probes.set(rule, { scope, parts });
    }
    this.policies = policies;
  }

  /** `held`: ids among `policies` that the request satisfies. Fewest failed conditions win. */
  nearest(held: ReadonlySet<string>): NearMiss | undefined {
    let best: { readonly rule: Rule; readonly failed: readonly string[] } | undefined;
    for (const [rule, { scope, parts }] of this.#probes) {
      if (!held.has(scope)) continue;
      const failed = parts.filter((id) => !held.has(id));
      if (best === undefined || failed.length < best.failed.length) best = { rule, failed };
    }
    return best && { ...best, failed: best.failed.map((id) => clauseText(this.policies[id])) };
  }
}

function conjuncts(clause: cedar.Clause): cedar.Clause[] {
  const body = clause.body as { readonly "&&"?: { left: cedar.Expr; right: cedar.Expr } };
  if (clause.kind === "unless" || body["&&"] === undefined) return [clause];
  const { left, right } = body["&&"];
  return [left, right].flatMap((half) => conjuncts({ kind: "when", body: half }));
}

function clauseText(policy: cedar.PolicyJson | undefined): string {
  if (policy === undefined) return "(condition)";
  const answer = cedar.policyToText(policy);
  if (answer.type === "failure") return "(condition)";
  return /\) ((?:when|unless) \{[\s\S]*\});$/.exec(answer.text)?.[1] ?? answer.text;
}
