/**
 * Law before cost: may this job run there, may this result leave? Policies are Cedar, checked
 * against a strict schema and parsed once; forbid wins, and nothing is allowed that no rule permits.
 *
 * Fails closed: unknown facts are refused before any rule sees them, and a rule that cannot be
 * evaluated refuses the request (Cedar would skip it, a forbid too). Time is an argument, so that a
 * decision can be made again years later.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import type { DataSet } from "../../model/data-set.js";
import type { JobSpec } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import type { Algorithm, PolicySet } from "../../model/policy-set.js";
import type { Counts } from "../../model/terms.js";
import { timeMs } from "../../model/time.js";
import { type BasisFacts, isGranted, readAlgorithm, readBasis } from "./basis.js";
import { authorize, type CedarRequest, prepare, record } from "./cedar.js";
import { NearMisses } from "./near-miss.js";
import { parsePolicy } from "./policy-files.js";
import {
  type DataFacts,
  describe,
  readData,
  readDestination,
  readJob,
  readPlace,
  readTime,
} from "./request.js";
import { Reviews } from "./review.js";
import type { Rule } from "./rule.js";
import { RuleBlocks } from "./rule-blocks.js";
import { type Action, schemaText } from "./schema.js";
import { type Refusal, refuse, type Verdict } from "./verdict.js";

interface Asked {
  readonly dataSet?: DataSet | undefined;
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly counts?: Counts | undefined;
}

export interface RunOnRequest extends Asked {
  readonly job: JobSpec;
  readonly host: { readonly name: string; readonly place: Place };
}

export interface ExportRequest extends Asked {
  readonly job?: JobSpec | undefined;
  readonly destinationCountry: string;
  readonly recipient?: string | undefined;
  /** Where it lies now. */
  readonly fromCountry?: string | undefined;
  readonly what: "output" | "artifact" | "log" | "checkpoint" | "model-update";
}

export interface PolicyEngine {
  /** Names the set: rules in order, their conditions and annotations, settings, and the schema. */
  readonly digest: Digest;
  readonly rules: ReadonlyMap<string, Rule>;
  readonly settings: PolicySet;
  /** Whether some rule names single jobs, or single hosts: else those alike have the same verdict. */
  readonly namesJobs: boolean;
  readonly namesHosts: boolean;
  runOn(request: RunOnRequest): Verdict;
  exportTo(request: ExportRequest): Verdict;
  /** Until then nothing but time changes no verdict of `runOn` about them; Infinity: never. */
  holdsUntilMs(asked: Asked, places: Iterable<Place>): number;
  /** Rules that were to be reviewed before then. */
  staleRules(at: string): readonly Rule[];
}

/** File name → text. Throws INVALID_ARGUMENT that names every fault with file and line. */
export function loadPolicy(files: Readonly<Record<string, string>>): PolicyEngine {
  const { rules, settings } = parsePolicy(files);
  return new Engine(rules, settings);
}

/** Distinct (job, data, place) facts whose verdicts are kept; the memory is emptied when it is full. */
const verdictsMax = 10_000;

class Engine implements PolicyEngine {
  readonly digest: Digest;
  readonly rules: ReadonlyMap<string, Rule>;
  readonly settings: PolicySet;
  readonly namesJobs: boolean;
  readonly namesHosts: boolean;
  readonly #algorithms: ReadonlyMap<string, Algorithm>;
  readonly #approvalEndsMs: readonly number[];
  readonly #rulesFor: Readonly<Record<Action, RuleBlocks>>;
  readonly #nearMisses: NearMisses;
  readonly #reviews: Reviews;
  /** Rules are pure, so equal facts have equal verdicts: a fleet of a few places costs a few calls. */
  readonly #verdicts = new Map<string, Verdict>();

  constructor(rules: readonly Rule[], settings: PolicySet) {
    this.rules = new Map(rules.map((rule) => [rule.id, rule]));
    this.settings = settings;
    this.#algorithms = new Map(settings.algorithms.map((one) => [one.digest, one]));
    this.#approvalEndsMs = settings.algorithms.flatMap(({ approvals }) =>
      approvals.map(({ until }) => timeMs(until)),
    );
    const canonical = rules.map(({ policy }) => policy);
    const version = "quipu.dev/policy/v1";
    this.digest = digestOf(
      canonicalBytes({ version, schema: schemaText, rules: canonical, settings }),
    );
    this.#nearMisses = new NearMisses(rules);
    this.#reviews = new Reviews(this.digest, rules);
    this.namesJobs = mentions(rules, "Job");
    this.namesHosts = mentions(rules, "Host");
    const rulesFor = (action: Action) => new RuleBlocks(`${this.digest}#${action}`, action, rules);
    this.#rulesFor = {
      ...{ run_on: rulesFor("run_on"), read_data: rulesFor("read_data") },
      ...{ burst: rulesFor("burst"), export: rulesFor("export") },
    };
    prepare(`${this.digest}#probes`, this.#nearMisses.policies);
  }

  runOn({ job, dataSet, host, at, counts = {} }: RunOnRequest): Verdict {
    const atMs = readTime(at);
    if (typeof atMs !== "number") return atMs;
    const asked = readJob(job);
    if (isRefusal(asked)) return asked;
    const data = readData(job, dataSet);
    if (isRefusal(data)) return data;
    const place = readPlace(host.place, atMs);
    if (isRefusal(place)) return place;

    const terms = dataSet?.terms ?? {};
    const receiver = { country: place.country, name: place.operator };
    const basis = readBasis(terms, receiver, undefined, atMs, counts.personsThisYear);
    const granted = isGranted(data, terms, asked, atMs, counts.usesSoFar);
    const algorithm = readAlgorithm(job, this.#algorithms, atMs);
    const principal = entity("Job", this.namesJobs ? job.name : "any", asked);
    const resource = entity("Host", this.namesHosts ? host.name : "any", place);
    const context = contextOf(data, basis, { algorithm: algorithm && record(algorithm) });
    // No data set has an empty name, so the key also tells whether there is one to be read.
    const stale = this.#reviews.passed(at);
    const key = canonicalJson([principal, resource, context, granted, stale]);
    const seen = this.#verdicts.get(key);
    if (seen !== undefined) return seen;

    const requests: CedarRequest[] = [{ action: "run_on", principal, resource, context }];
    if (dataSet !== undefined) {
      const read = entity("DataSet", data.name, data);
      const where = { host: record(place), basis: record(basis), granted };
      requests.push({ action: "read_data", principal, resource: read, context: where });
    }
    if (place.site === "public") requests.push({ action: "burst", principal, resource, context });
    const verdict = this.#all(requests, describe(place, data, basis), stale);
    if (this.#verdicts.size >= verdictsMax) this.#verdicts.clear();
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  exportTo(request: ExportRequest): Verdict {
    const { job, dataSet, destinationCountry, recipient, fromCountry, what, at } = request;
    const atMs = readTime(at);
    if (typeof atMs !== "number") return atMs;
    const asked = job === undefined ? undefined : readJob(job);
    if (isRefusal(asked)) return asked;
    const data = readData(job, dataSet);
    if (isRefusal(data)) return data;
    const destination = readDestination(destinationCountry, recipient, fromCountry);
    if (isRefusal(destination)) return destination;
    const receiver = { country: destination.country, name: recipient };
    const persons = request.counts?.personsThisYear;
    const basis = readBasis(dataSet?.terms ?? {}, receiver, fromCountry, atMs, persons);
    const context = contextOf(data, basis, {
      job: asked && record(asked),
      from: fromCountry,
    });
    const principal = entity("Export", what, { what });
    const resource = entity("Destination", destination.country, destination);
    const leaving: CedarRequest = { action: "export", principal, resource, context };
    return this.#all([leaving], describe(destination, data, basis), this.#reviews.passed(at));
  }

  holdsUntilMs({ dataSet, at }: Asked, places: Iterable<Place>): number {
    const { instruments = [], grants = [] } = dataSet?.terms ?? {};
    const ends = [...instruments, ...grants].map(({ until }) => until);
    for (const { gradeUntil } of places) if (gradeUntil !== undefined) ends.push(gradeUntil);
    const atMs = timeMs(at);
    let firstMs = Number.POSITIVE_INFINITY;
    for (const endMs of [...ends.map(timeMs), ...this.#approvalEndsMs, ...this.#reviews.endsMs]) {
      if (endMs > atMs && endMs < firstMs) firstMs = endMs;
    }
    return firstMs;
  }

  staleRules(at: string): readonly Rule[] {
    return this.#reviews.stale(this.#reviews.passed(at));
  }

  #all(requests: readonly CedarRequest[], facts: string, stale: number): Verdict {
    const permits: string[] = [];
    for (const request of requests) {
      const verdict = this.#decide(request, facts);
      if (!verdict.allowed) return verdict;
      if (this.settings.stale === "refuse") {
        const objecting = this.#reviews.objection(request, verdict.rules, stale);
        if (objecting !== undefined) return overdue(objecting, facts);
      }
      permits.push(...verdict.rules);
    }
    return { allowed: true, rules: permits };
  }

  #decide(request: CedarRequest, facts: string): Verdict {
    const { isAllowed, deciding, faults } = this.#rulesFor[request.action].ask(request);
    if (faults.length > 0) {
      const text = `Rules failed on this request. ${faults.join("; ")}`;
      return refuse("engine.evaluation", text);
    }
    const named = [...this.rules.values()].filter(({ id }) => deciding.has(id));
    const first = named[0];
    if (first === undefined) return this.#unpermitted(request, facts);
    return isAllowed
      ? { allowed: true, rules: named.map(({ id }) => id) }
      : refusalOf(first, facts);
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

function contextOf(data: DataFacts, basis: BasisFacts, more: object) {
  return record({ data: record(data), basis: record(basis), ...more });
}

function refusalOf({ id, says, law }: Rule, facts: string): Refusal {
  const text = `${says.replace(/\.$/, "")}. ${facts}`;
  return { allowed: false, rule: id, text, ...(law === undefined ? {} : { law }) };
}

function overdue({ id, review, law }: Rule, facts: string): Refusal {
  const text =
    `Rule ${id} was to be reviewed by ${review} and was not; ` +
    `until it is, all that it concerns is refused. ${facts}`;
  return { ...refuse("engine.stale", text), ...(law === undefined ? {} : { law }) };
}

function isRefusal(value: object | undefined): value is Refusal {
  return value !== undefined && "allowed" in value;
}

/** Whether some rule names an entity of this type, such as `resource == Host::"sg-1"`. */
function mentions(rules: readonly Rule[], type: "Job" | "Host"): boolean {
  return rules.some(({ policy }) => JSON.stringify(policy).includes(`"type":"${type}"`));
}

function entity(type: string, id: string, facts: object): CedarRequest["principal"] {
  return { uid: { type, id }, attrs: record(facts), parents: [] };
}
