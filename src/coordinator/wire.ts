/** Stored values as the messages that clients see, and places back from messages. */
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { canonicalBytes } from "../base/canonical-json.js";
import { QuipuError } from "../base/errors.js";
import type { DataSetSchema, HostSchema } from "../gen/quipu/v1/fleet_pb.js";
import type { FetchSchema } from "../gen/quipu/v1/jobs_pb.js";
import {
  InventorySchema,
  type JobSchema,
  JobState as JobStateNumber,
  PlaceGrade,
  type Place as PlaceMessage,
  PlaceSchema,
  Site,
} from "../gen/quipu/v1/types_pb.js";
import type { Cordon, DataSetRecord, HostRecord, JobRecord } from "../io/store/records.js";
import { type Decision, decisionVersions, type Offer, type Reason } from "../model/decision.js";
import type { JobState } from "../model/job.js";
import type { Fetch } from "../model/locality.js";
import { type PlaceGrade as Grade, type Place, place as placeShape } from "../model/place.js";
import { waitTotals } from "../model/waits.js";
import type { Core } from "./core.js";
import { graphReasons } from "./job/graph.js";
import { askedOf } from "./job/specs.js";

const stateNumbers: Readonly<Record<JobState, JobStateNumber>> = {
  queued: JobStateNumber.QUEUED,
  placed: JobStateNumber.PLACED,
  running: JobStateNumber.RUNNING,
  succeeded: JobStateNumber.SUCCEEDED,
  failed: JobStateNumber.FAILED,
  cancelled: JobStateNumber.CANCELLED,
  refused: JobStateNumber.REFUSED,
  lost: JobStateNumber.LOST,
};

const siteNumbers: Readonly<Record<Place["site"], Site>> = {
  private: Site.PRIVATE,
  public: Site.PUBLIC,
};

const gradeNumbers: Readonly<Record<Grade, PlaceGrade>> = {
  claimed: PlaceGrade.CLAIMED,
  "operator-asserted": PlaceGrade.OPERATOR_ASSERTED,
  "provider-attested": PlaceGrade.PROVIDER_ATTESTED,
  "hardware-attested": PlaceGrade.HARDWARE_ATTESTED,
};

export function placeOf(message: PlaceMessage): Place {
  const site = Object.entries(siteNumbers).find(([, number]) => number === message.site)?.[0];
  const grade = Object.entries(gradeNumbers).find(([, number]) => number === message.grade)?.[0];
  const { country, zone, gradeUntil, operator } = message;
  const parsed = placeShape.safeParse({
    ...{ country, zone, site, grade },
    ...(gradeUntil === "" ? {} : { gradeUntil }),
    ...(operator === "" ? {} : { operator }),
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `the place is not one: ${issue?.path.join(".")}: ${issue?.message}`,
    { next: "give country, zone, site and grade, for example --country SG --site private" },
  );
}

export function placeMessage({ site, grade, gradeUntil, operator, ...place }: Place): PlaceMessage {
  return create(PlaceSchema, {
    ...place,
    gradeUntil: gradeUntil ?? "",
    operator: operator ?? "",
    site: siteNumbers[site],
    grade: gradeNumbers[grade],
  });
}

export function siteNumber(site: Place["site"]): Site {
  return siteNumbers[site];
}

export async function jobMessage(
  core: Core,
  job: JobRecord,
): Promise<MessageInitShape<typeof JobSchema>> {
  const decision =
    job.decisionId === "" ? undefined : await core.ports.store.decisions.get(job.decisionId);
  const active = core.runs.get(job.runId);
  const { result } = job;
  return {
    id: job.id,
    name: job.name,
    driver: job.driver,
    state: stateNumbers[job.state],
    host: job.host,
    country: job.country,
    reasons: reasonMessages(
      job.waitsFor === undefined
        ? ((decision && decisionOf(decision.content))?.reasons ?? [])
        : await graphReasons(core.ports.store, job.waitsFor),
    ),
    ...times(job),
    spec: job.spec,
    specDigest: job.specDigest,
    runId: job.runId,
    epoch: BigInt(job.epoch),
    ...(job.failure === undefined ? {} : { failure: failureMessage(job.failure) }),
    waitsFor: [...(job.waitsFor ?? [])],
    ...waitMessages(job, core.ports.clock.wallMs()),
    owner: job.owner,
    ...gangMessage(job),
    failedHosts: [...(job.failedHosts ?? [])],
    outputs: (result?.outputs ?? []).map((output) => ({
      ...output,
      sizeBytes: BigInt(output.sizeBytes),
      host: job.host,
    })),
    receiptLogged: result?.logIndex !== undefined,
    logIndex: BigInt(result?.logIndex ?? -1),
    determinism: result?.determinism ?? "",
    backend: result?.backend ?? "",
    outputDigest: result?.outputDigest ?? "",
    decision: decision?.content ?? new Uint8Array(),
    progress: job.state === "succeeded" ? 1 : (active?.progress ?? 0),
    activity: active?.activity ?? "",
  };
}

function gangMessage(job: JobRecord) {
  if (job.gangId === undefined) return {};
  const { rank = 0, size = 0 } = askedOf(job).gang ?? {};
  return { gangId: job.gangId, gangRank: rank, gangSize: size };
}

function times(job: JobRecord): {
  submittedAt: Timestamp;
  startedAt?: Timestamp;
  finishedAt?: Timestamp;
} {
  return {
    submittedAt: timestampFromMs(job.submittedAtMs),
    ...(job.startedAtMs === undefined ? {} : { startedAt: timestampFromMs(job.startedAtMs) }),
    ...(job.finishedAtMs === undefined ? {} : { finishedAt: timestampFromMs(job.finishedAtMs) }),
  };
}

function waitMessages({ waits }: JobRecord, nowMs: number) {
  return {
    waits: (waits?.intervals ?? []).map(({ rule, fromMs, untilMs }) => ({
      rule,
      since: timestampFromMs(fromMs),
      ...(untilMs === undefined ? {} : { until: timestampFromMs(untilMs) }),
    })),
    waitTotals: waitTotals(waits, nowMs).map(({ rule, ms }) => ({ rule, durationMs: BigInt(ms) })),
  };
}

function failureMessage({ code, message, next }: NonNullable<JobRecord["failure"]>) {
  return { code, message, next: next ?? "" };
}

/** Undefined for a record of a version before these, which says other things in other words. */
export function decisionOf(content: Uint8Array): Decision | undefined {
  const record = JSON.parse(new TextDecoder().decode(content)) as Decision;
  return decisionVersions.includes(record.version) ? record : undefined;
}

export function reasonMessages(reasons: readonly Reason[]) {
  return reasons.map(({ rule, text, law, hosts, named }) => ({
    host: named[0] ?? "",
    rule,
    text,
    law: law ?? "",
    hosts,
    named: [...named],
  }));
}

export function offerMessage(offer: Offer) {
  const { host, place, device, devices, score, rules, hosts, price, egress } = offer;
  const { energyWattSeconds: energy, parts, fetch } = offer;
  return {
    host,
    country: place.country,
    site: siteNumbers[place.site],
    device,
    devices: [...(devices ?? [])],
    score,
    parts: { ...parts },
    rules: [...rules],
    hosts,
    currency: price?.currency ?? "",
    nanosPerSecond: BigInt(price?.nanosPerSecond ?? 0),
    ...(egress === undefined ? {} : { egress: { ...egress, nanos: BigInt(egress.nanos) } }),
    ...(energy === undefined ? {} : { energyWattSeconds: BigInt(energy) }),
    ...(fetch === undefined ? {} : { fetch: fetchMessage(fetch) }),
  };
}

function fetchMessage(fetch: Fetch): MessageInitShape<typeof FetchSchema> {
  const { siteBytes, countryBytes, farBytes } = fetch;
  return {
    siteBytes: BigInt(siteBytes),
    countryBytes: BigInt(countryBytes),
    farBytes: BigInt(farBytes),
  };
}

export function hostMessage(core: Core, host: HostRecord): MessageInitShape<typeof HostSchema> {
  const session = core.sessions.get(host.name);
  return {
    name: host.name,
    place: placeMessage(host.place),
    inventory: fromBinary(InventorySchema, host.inventory),
    attached: session !== undefined,
    ...(host.lastSeenAtMs === 0 ? {} : { lastSeenAt: timestampFromMs(lastSeenMs(core, host)) }),
    ...(session?.telemetry === undefined ? {} : { telemetry: session.telemetry }),
    runs: core.runs.ofHost(host.name).map(({ run }) => ({
      runId: run.id,
      epoch: BigInt(run.epoch),
    })),
    httpUrl: host.httpUrl,
    receiptKey: host.receiptKey,
    ...(host.cordon === undefined ? {} : { cordon: cordonMessage(host.cordon) }),
    offer: host.offer ?? "",
    ...reputationMessage(core, host),
  };
}

function reputationMessage({ audits }: Core, { name }: HostRecord) {
  const known = audits.of(name);
  if (known === undefined) return {};
  const { right, wrong, rightInRow } = known;
  const reputation = { right: BigInt(right), wrong: BigInt(wrong), rightInRow: BigInt(rightInRow) };
  return { reputation };
}

function cordonMessage({ reason, atMs, drainAtMs }: Cordon) {
  const drained = drainAtMs === undefined ? {} : { drainedAt: timestampFromMs(drainAtMs) };
  return { reason, since: timestampFromMs(atMs), ...drained };
}

function lastSeenMs({ ports, sessions }: Core, host: HostRecord): number {
  const session = sessions.get(host.name);
  if (session === undefined) return host.lastSeenAtMs;
  return Math.round(ports.clock.wallMs() - (ports.clock.bootMs() - session.heardAtMs));
}

export function dataSetMessage({
  facts: { terms, ...facts },
  registeredAtMs,
}: DataSetRecord): MessageInitShape<typeof DataSetSchema> {
  return {
    ...facts,
    ...(terms === undefined ? {} : { terms: canonicalBytes(terms) }),
    sizeBytes: BigInt(facts.sizeBytes),
    files: BigInt(facts.files),
    registeredAt: timestampFromMs(registeredAtMs),
  };
}
