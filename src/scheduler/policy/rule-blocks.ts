/**
 * The rules that may concern one action, asked in blocks. A rule that is asked by itself costs time
 * whatever it says, so a block of forbids is first asked as one: "does any of you object?". Only the
 * rules of a block that does, or cannot say, are asked by themselves, for their names.
 *
 * Exact: a block is false without an error when each of its rules is, and else its rules are asked.
 */
import type * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { authorize, type CedarRequest, mayConcern, prepare } from "./cedar.js";
import type { Rule } from "./rule.js";
import type { Action } from "./schema.js";

const rulesPerBlock = 16;

export interface Answer {
  readonly isAllowed: boolean;
  /** Ids of the rules that decided: permits where it is allowed, else forbids. */
  readonly deciding: ReadonlySet<string>;
  /** Rules that could not be evaluated, or why nothing could be, in sentences. */
  readonly faults: readonly string[];
}

export class RuleBlocks {
  readonly #setId: string;
  readonly #blockIds = new Set<string>();

  constructor(setId: string, action: Action, all: readonly Rule[]) {
    this.#setId = setId;
    const rules = all.filter(({ policy }) => mayConcern(policy, action));
    const plain = rules.filter(isPlain);
    const policies = policiesOf(rules.filter((rule) => !isPlain(rule)));
    for (let start = 0; start < plain.length; start += rulesPerBlock) {
      const block = plain.slice(start, start + rulesPerBlock);
      const blockId = `${setId}#${start}`; // no rule's id
      this.#blockIds.add(blockId);
      policies[blockId] = blockOf(block);
      prepare(blockId, policiesOf(block));
    }
    prepare(setId, policies);
  }

  ask(request: CedarRequest): Answer {
    const look = resultOf(this.#setId, request);
    const results = [look];
    for (const id of [...look.deciding, ...look.faults.keys()]) {
      if (this.#blockIds.has(id)) results.push(resultOf(id, request));
    }
    const isRule = (id: string) => !this.#blockIds.has(id);
    return {
      isAllowed: look.isAllowed,
      deciding: new Set(results.flatMap(({ deciding }) => deciding).filter(isRule)),
      faults: results
        .flatMap(({ faults }) => [...faults])
        .filter(([id]) => isRule(id))
        .map(([id, message]) => `${id}: ${message}`)
        .sort(),
    };
  }
}

interface Result {
  readonly isAllowed: boolean;
  readonly deciding: readonly string[];
  /** Rule, or `the request`, and why it could not be evaluated. */
  readonly faults: ReadonlyMap<string, string>;
}

function resultOf(setId: string, request: CedarRequest): Result {
  const answer = authorize(setId, request);
  if (answer.type === "failure") {
    const why = answer.errors.map(({ message }) => message).join(", ");
    return { isAllowed: false, deciding: [], faults: new Map([["the request", why]]) };
  }
  const { decision, diagnostics } = answer.response;
  return {
    isAllowed: decision === "allow",
    deciding: diagnostics.reason,
    faults: new Map(diagnostics.errors.map(({ policyId, error }) => [policyId, error.message])),
  };
}

function policiesOf(rules: readonly Rule[]): Record<string, cedar.PolicyJson> {
  return Object.fromEntries(rules.map(({ id, policy }) => [id, policy]));
}

/** Permits stand by themselves, since a verdict names them; so do forbids of named things. */
function isPlain({ effect, policy }: Rule): boolean {
  const { principal, resource } = policy;
  return effect === "forbid" && principal.op === "All" && resource.op === "All";
}

/** Holds where any of these forbids does. */
function blockOf(rules: readonly Rule[]): cedar.PolicyJson {
  const body = anyOf(rules.map(({ policy }) => conditionOf(policy)));
  const anywhere = { op: "All" } as const;
  return {
    effect: "forbid",
    ...{ principal: anywhere, action: anywhere, resource: anywhere },
    conditions: [{ kind: "when", body }],
  };
}

/** Halved again and again: what Cedar reads may not be nested deeply. */
function anyOf(conditions: readonly cedar.Expr[]): cedar.Expr {
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  const half = conditions.length >> 1;
  return { "||": { left: anyOf(conditions.slice(0, half)), right: anyOf(conditions.slice(half)) } };
}

/** Conditions in their order: a `has` in front guards what comes behind it. */
function conditionOf({ conditions }: cedar.PolicyJson): cedar.Expr {
  const parts = conditions.map(
    ({ kind, body }): cedar.Expr => (kind === "when" ? body : { "!": { arg: body } }),
  );
  if (parts.length === 0) return { Value: true };
  return parts.reduceRight((right, left) => ({ "&&": { left, right } }));
}
