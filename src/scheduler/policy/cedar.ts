/** Cedar as this room calls it: policies are parsed once under a name, then asked by that name. */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { QuipuError } from "../../base/errors.js";
import type { Action } from "./schema.js";

export interface CedarRequest {
  readonly action: Action;
  readonly principal: cedar.EntityJson;
  readonly resource: cedar.EntityJson;
  readonly context: cedar.Context;
}

/** Facts as a record; what is undefined is left out of it, so that `has` tells. */
export function record(facts: object): Record<string, cedar.CedarValueJson> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** False only for a policy whose scope names other actions. */
export function mayConcern({ action: scope }: cedar.PolicyJson, action: Action): boolean {
  if (scope.op === "All") return true;
  const named = "entities" in scope ? scope.entities : "entity" in scope ? [scope.entity] : [];
  const ids = named.map((entity) => ("id" in entity ? entity.id : entity.__entity.id));
  return ids.length === 0 || ids.includes(action);
}

/** The WebAssembly module keeps parsed sets by name for the life of the process. */
export function prepare(setId: string, staticPolicies: Record<string, cedar.PolicyJson>): void {
  const answer = cedar.preparsePolicySet(setId, { staticPolicies });
  if (answer.type === "success") return;
  const messages = answer.errors.map(({ message }) => message).join("; ");
  throw new QuipuError("INVALID_ARGUMENT", `the policy set could not be prepared: ${messages}`);
}

export function authorize(setId: string, { action, principal, resource, context }: CedarRequest) {
  return cedar.statefulIsAuthorized({
    principal: principal.uid,
    action: { type: "Action", id: action },
    resource: resource.uid,
    context,
    preparsedPolicySetId: setId,
    entities: [principal, resource],
  });
}
