/**
 * Law before cost: may this job run there, may this result leave? Policies are Cedar, checked
 * against a strict schema and parsed once; forbid wins, and nothing is allowed that no rule permits.
 *
 * Fails closed: unknown facts are refused before any rule sees them, and a rule that cannot be
 * evaluated refuses the request (Cedar would skip it, a forbid too).
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { DataSet } from "../../model/data-set.js";
import type { JobSpec } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import { NearMisses } from "./near-miss.js";
import { describe, readData, readDestination, readJob, readPlace } from "./request.js";
import { parseRules, type Rule } from "./rule.js";
import { type Action, schemaText } from "./schema.js";
import { type Refusal, refuse, type Verdict } from "./verdict.js";

export interface RunOnRequest {
  readonly job: JobSpec;
  readonly dataSet?: DataSet | undefined;
  readonly host: { readonly name: string; readonly place: Place };
}

export interface ExportRequest {
  readonly job?: JobSpec | undefined;
  readonly dataSet?: DataSet | undefined;
  readonly destinationCountry: string;
  readonly what: "output" | "artifact" | "log";
}

export interface PolicyEngine {
  /** Names the set: rules in order, their conditions and annotations, and the schema. */
  readonly digest: Digest;
  readonly rules: ReadonlyMap<string, Rule>;
  /** Whether some rule names single jobs, or single hosts: else those alike have the same verdict. */
  readonly namesJobs: boolean;
  readonly namesHosts: boolean;
  runOn(request: RunOnRequest): Verdict;
  exportTo(request: ExportRequest): Verdict;
}

/** File name → Cedar text. Throws INVALID_ARGUMENT with file, line and Cedar's own message. */
export function loadPolicy(files: Readonly<Record<string, string>>): PolicyEngine {
  return new Engine(parseRules(files));
}

interface CedarRequest {
  readonly action: Action;
  readonly principal: cedar.EntityJson;
  readonly resource: cedar.EntityJson;
  readonly context: cedar.Context;
}

/** Distinct (job, data, place) facts whose verdicts are kept; the memory is emptied when it is full. */
const verdictsMax = 10_000;

class Engine implements PolicyEngine {
  readonly digest: Digest;
  readonly rules: ReadonlyMap<string, Rule>;
  readonly #nearMisses: NearMisses;
  /** Rules are pure, so equal facts have equal verdicts: a fleet of a few places costs a few calls. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly namesJobs: boolean;
  readonly namesHosts: boolean;

  constructor(rules: readonly Rule[]) {
    this.rules = new Map(rules.map((rule) => [rule.id, rule]));
    const canonical = rules.map(({ policy }) => policy);
    this.digest = digestOf(
      canonicalBytes({ version: "quipu.dev/policy/v1", schema: schemaText, rules: canonical }),
    );
    this.#nearMisses = new NearMisses(rules);
    this.namesJobs = mentions(rules, "Job");
    this.namesHosts = mentions(rules, "Host");
    const policies = Object.fromEntries(rules.map(({ id, policy }) => [id, policy]));
    prepare(this.digest, policies);
    prepare(`${this.digest}#probes`, this.#nearMisses.policies);
  }

  runOn({ job, dataSet, host }: RunOnRequest): Verdict {
    const asked = readJob(job);
    if (isRefusal(asked)) return asked;
    const data = readData(job, dataSet);
    if (isRefusal(data)) return data;
    const place = readPlace(host.place);
    if (isRefusal(place)) return place;

    const principal = entity("Job", this.namesJobs ? job.name : "any", { ...asked });
    const resource = entity("Host", this.namesHosts ? host.name : "any", { ...place });
    const context = { data: { ...data, countries: [...data.countries] } };
    // No data set has an empty name, so the key also tells whether there is one to be read.
    const key = canonicalJson([principal, resource, context]);
    const seen = this.#verdicts.get(key);
    if (seen !== undefined) return seen;

    const requests: CedarRequest[] = [{ action: "run_on", principal, resource, context }];
    if (dataSet !== undefined) {
      const read = entity("DataSet", data.name, context.data);
      const where = { host: { ...place } };
      requests.push({ action: "read_data", principal, resource: read, context: where });
    }
    if (place.site === "public") requests.push({ action: "burst", principal, resource, context });
    const verdict = this.#all(requests, describe(place, data));
    if (this.#verdicts.size >= verdictsMax) this.#verdicts.clear();
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  exportTo({ job, dataSet, destinationCountry, what }: ExportRequest): Verdict {
    const asked = job === undefined ? undefined : readJob(job);
    if (isRefusal(asked)) return asked;
    const data = readData(job, dataSet);
    if (isRefusal(data)) return data;
    const destination = readDestination(destinationCountry);
    if (isRefusal(destination)) return destination;
    const request: CedarRequest = {
      action: "export",
      principal: entity("Export", what, { what }),
      resource: entity("Destination", destination.country, { ...destination }),
      context: {
        data: { ...data, countries: [...data.countries] },
        ...(asked === undefined ? {} : { job: { ...asked } }),
      },
    };
    return this.#all([request], describe(destination, data));
  }

  #all(requests: readonly CedarRequest[], facts: string): Verdict {
    const permits: string[] = [];
    for (const request of requests) {
      const verdict = this.#decide(request, facts);
      if (!verdict.allowed) return verdict;
      permits.push(...verdict.rules);
    }
    return { allowed: true, rules: permits };
  }

  #decide(request: CedarRequest, facts: string): Verdict {
    const answer = authorize(this.digest, request);
    if (answer.type === "failure") {
      const messages = answer.errors.map(({ message }) => message).join("; ");
      return refuse("engine.evaluation", `The request could not be evaluated: ${messages}`);
    }
    const { decision, diagnostics } = answer.response;
    if (diagnostics.errors.length > 0) {
      const whys = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
      return refuse("engine.evaluation", `Rules failed on this request. ${whys.sort().join("; ")}`);
    }
    const deciding = inOrder(this.rules, new Set(diagnostics.reason));
    const first = deciding[0];
    if (decision === "allow" && first !== undefined) {
      return { allowed: true, rules: deciding.map(({ id }) => id) };
    }
    return first === undefined ? this.#unpermitted(request, facts) : refusalOf(first, facts);
  }

  #unpermitted(request: CedarRequest, facts: string): Refusal {
    const answer = authorize(`${this.digest}#probes`, request);
    const held = answer.type === "success" ? answer.response.diagnostics.reason : [];
    const nearest = this.#nearMisses.nearest(new Set(held));
    if (nearest === undefined) {
      return refuse("engine.no-permit", `No rule permits ${request.action}. ${facts}`);
    }
    const { rule, failed } = nearest;
    const text = `No rule permits ${request.action}; nearest is ${rule.id}, which needs`;
    return refuse("engine.no-permit", `${text} ${failed.join(" and ")}. ${facts}`);
  }
}

function refusalOf({ id, says, law }: Rule, facts: string): Refusal {
  const text = `${says.replace(/\.$/, "")}. ${facts}`;
  return { allowed: false, rule: id, text, ...(law === undefined ? {} : { law }) };
}

function isRefusal(value: object | undefined): value is Refusal {
  return value !== undefined && "allowed" in value;
}

/** Whether some rule names an entity of this type, such as `resource == Host::"sg-1"`. */
function mentions(rules: readonly Rule[], type: "Job" | "Host"): boolean {
  return rules.some(({ policy }) => JSON.stringify(policy).includes(`"type":"${type}"`));
}

function inOrder(rules: ReadonlyMap<string, Rule>, ids: ReadonlySet<string>): Rule[] {
  return [...rules.values()].filter(({ id }) => ids.has(id));
}

function entity(type: string, id: string, attrs: cedar.EntityJson["attrs"]): cedar.EntityJson {
  return { uid: { type, id }, attrs, parents: [] };
}

function authorize(setId: string, { action, principal, resource, context }: CedarRequest) {
  return cedar.statefulIsAuthorized({
    principal: principal.uid,
    action: { type: "Action", id: action },
    resource: resource.uid,
    context,
    preparsedPolicySetId: setId,
    entities: [principal, resource],
  });
}

/** The WebAssembly module keeps parsed sets by name for the life of the process. */
function prepare(setId: string, staticPolicies: Record<string, cedar.PolicyJson>): void {
  const answer = cedar.preparsePolicySet(setId, { staticPolicies });
  if (answer.type === "success") return;
  const messages = answer.errors.map(({ message }) => message).join("; ");
  throw new QuipuError("INVALID_ARGUMENT", `the policy set could not be prepared: ${messages}`);
}
