/**
 * Laws change, so a rule may carry the day by which somebody has to read its law again (`@review`).
 * From the day after, its exceptions count no longer: a forbid holds for all that its `when` names,
 * whatever its `unless` says, and a permit permits nothing.
 */
import type * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { dayMs } from "../../base/clock.js";
import { authorize, type CedarRequest, prepare } from "./cedar.js";
import type { Rule } from "./rule.js";

export class Reviews {
  readonly #name: string;
  readonly #rules: readonly (Rule & { readonly review: string })[];
  /** Every day by which something is to be reviewed, once, first to last. */
  readonly #days: readonly string[];
  readonly #prepared = new Set<number>();

  constructor(name: string, rules: readonly Rule[]) {
    this.#name = name;
    this.#rules = rules.flatMap((rule) =>
      rule.review === undefined ? [] : [{ ...rule, review: rule.review }],
    );
    this.#days = [...new Set(this.#rules.map(({ review }) => review))].sort();
  }

  /** When each of the days is over. */
  get endsMs(): readonly number[] {
    return this.#days.map((day) => Date.parse(`${day}T00:00:00Z`) + dayMs);
  }

  /** How many of the days are over at this moment (RFC 3339 in UTC). */
  passed(at: string): number {
    const today = at.slice(0, "2026-01-31".length);
    return this.#days.filter((day) => day < today).length;
  }

  /** Rules whose day is among the first `passed`. */
  stale(passed: number): readonly Rule[] {
    const last = this.#days[passed - 1];
    return last === undefined ? [] : this.#rules.filter(({ review }) => review <= last);
  }

  /** The stale rule for which a request that `permits` allow may not go on, if any. */
  objection(request: CedarRequest, permits: readonly string[], passed: number): Rule | undefined {
    const stale = this.stale(passed);
    if (stale.length === 0) return undefined;
    const permit = stale.find(({ id }) => permits.includes(id));
    if (permit !== undefined && permits.every((id) => stale.some((rule) => rule.id === id))) {
      return permit;
    }
    const answer = authorize(this.#setOf(passed, stale), request);
    if (answer.type === "failure") return stale[0];
    const { reason, errors } = answer.response.diagnostics;
    const objecting = new Set([...reason, ...errors.map(({ policyId }) => policyId)]);
    return stale.find(({ id }) => objecting.has(id));
  }

  /** The stale forbids without their exceptions, prepared when they are first needed. */
  #setOf(passed: number, stale: readonly Rule[]): string {
    const name = `${this.#name}#stale-${passed}`;
    if (!this.#prepared.has(passed)) {
      const forbids = stale.filter(({ effect }) => effect === "forbid");
      prepare(name, Object.fromEntries(forbids.map(({ id, policy }) => [id, bare(policy)])));
      this.#prepared.add(passed);
    }
    return name;
  }
}

function bare(policy: cedar.PolicyJson): cedar.PolicyJson {
  return { ...policy, conditions: policy.conditions.filter(({ kind }) => kind === "when") };
}
