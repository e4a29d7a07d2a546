/**
 * Runs as OpenLineage events (spec 2-0-2), two a run. OpenLineage names runs by UUID: ours is version 8
 * (RFC 9562) over the first 16 bytes of SHA-256 of `https://quipu.dev/run/` and the run's id. Frozen, since
 * events of one run that are sent at different times must name the same run.
 */
import { sha256, toHex } from "../../base/bytes.js";
import type { RunInput, RunLine } from "./run-line.js";

const schemaUrl = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const versionFacetUrl =
  "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet";
const receiptFacetUrl = "https://quipu.dev/openlineage/receipt/v1";
const producer = "https://quipu.dev/lineage/v1";
const ends = { succeeded: "COMPLETE", failed: "FAIL", cancelled: "ABORT" } as const;

interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets?: object;
}

export interface RunEvent {
  readonly eventType: "START" | (typeof ends)[keyof typeof ends];
  readonly eventTime: string;
  readonly run: { readonly runId: string; readonly facets: object };
  readonly job: { readonly namespace: string; readonly name: string };
  readonly inputs: readonly Dataset[];
  readonly outputs: readonly Dataset[];
  readonly producer: string;
  readonly schemaURL: string;
}

/** `origin`: the log's name, in whose namespace jobs, data sets and artifacts are. */
export function runEvents(run: RunLine, origin: string): readonly [RunEvent, RunEvent] {
  const namespace = `quipu://${origin}`;
  const common = {
    run: { runId: runUuid(run.runId), facets: { quipu_receipt: receiptFacet(run, origin) } },
    job: { namespace, name: run.jobName },
    inputs: run.inputs.map((input) => datasetOf(input, namespace)),
    outputs: run.outputs.map(({ digest }) => ({ namespace, name: digest })),
    producer,
    schemaURL: schemaUrl,
  };
  return [
    { eventType: "START", eventTime: run.startedOn, ...common, outputs: [] },
    { eventType: ends[run.outcome], eventTime: run.finishedOn, ...common },
  ];
}

export function runUuid(runId: string): string {
  const bytes = sha256(new TextEncoder().encode(`https://quipu.dev/run/${runId}`)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** An artifact is named by its digest, a data set by its name, and its manifest's digest is its version. */
function datasetOf({ dataSet, digest }: RunInput, namespace: string): Dataset {
  if (dataSet === undefined) return { namespace, name: digest };
  const version = { _producer: producer, _schemaURL: versionFacetUrl, datasetVersion: digest };
  return { namespace, name: dataSet, facets: { version } };
}

/** Where to find the proof of it, and what OpenLineage has no words for. */
function receiptFacet(run: RunLine, origin: string): object {
  const { index, runId, jobId, host, country, site, grade, keyId, outputs } = run;
  const place = { host, country, site, grade };
  const log = { origin, index };
  return {
    ...{ _producer: producer, _schemaURL: receiptFacetUrl },
    ...{ runId, jobId, keyId, log, place, outputs },
  };
}
