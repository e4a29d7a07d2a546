/** Jobs, data sets and hosts for tests of policy and placement, and random ones. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { Digest } from "../src/base/bytes.js";
import { type DataClass, type DataSet, dataClasses } from "../src/model/data-set.js";
import type { Decision } from "../src/model/decision.js";
import type { DeviceLoad, HostView } from "../src/model/host.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import { type Place, placeGrades, sites } from "../src/model/place.js";
import { Asks, type Law } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide, type Judgement } from "../src/scheduler/placement/decide.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import type { Verdict } from "../src/scheduler/policy/verdict.js";

export const baseText = readFileSync("deploy/policy/base.cedar", "utf8");
export const base = loadPolicy({ "base.cedar": baseText });
export const at = "2026-01-02T03:04:05Z";

export const digits = `sha256:${"a".repeat(64)}` as Digest;

export function dataSet(dataClass: DataClass, countries: string[], name = "digits"): DataSet {
  const files = { manifestDigest: digits, merkleRoot: "b".repeat(64), sizeBytes: 1, files: 1 };
  return { name, dataClass, owner: "clinic", countries, ...files };
}

export function job(parts: Record<string, unknown> = {}): JobSpec {
  return jobSpec.parse({
    version: "quipu.dev/v1",
    name: "count",
    task: { driver: "hash" },
    ...parts,
  });
}

export function place(
  country: string,
  site: "private" | "public",
  grade: Place["grade"] = "claimed",
) {
  return { country, zone: "", site, grade } satisfies Place;
}

export const cpu = {
  id: "cpu",
  model: "x86",
  memoryBytes: 2 ** 34,
  backends: ["avx2", "portable"],
  slots: 1,
};
export const gpu = {
  id: "cuda:0",
  model: "H200",
  memoryBytes: 2 ** 37,
  backends: ["cuda"],
  slots: 1,
};

/** A task that needs a device to itself. */
export const onnx = { driver: "tensor", model: digits, inputs: {} };

/** What runs hold that have these devices to themselves. */
export function holding(...devices: readonly string[]): DeviceLoad[] {
  return devices.map((device) => ({ device, slots: 1, memoryBytes: 0 }));
}

export function host(name: string, where: Place, parts: Partial<HostView> = {}): HostView {
  const idle = { devices: [cpu], dataSets: ["digits"], load: [] };
  return { name, place: where, attached: true, cordoned: false, ...idle, ...parts };
}

export const sg = host("sg-1", place("SG", "private", "operator-asserted"));
export const cl = host("cl-1", place("CL", "private", "operator-asserted"));
export const de = host("de-1", place("DE", "public", "operator-asserted"));

export function ask(
  spec: JobSpec,
  hosts: readonly HostView[],
  data?: DataSet,
  policy: Law = base,
): Decision {
  return judge(new Asks(new Board(hosts)), spec, data, policy).decision;
}

export function judge(asks: Asks, spec: JobSpec, data?: DataSet, policy: Law = base): Judgement {
  const jobFacts = { job: spec, jobDigest: jobDigest(spec), dataSet: data };
  return decide(asks, { id: "dec-1", at, policy, ...jobFacts });
}

export function ruleOf(verdict: Verdict): string {
  return verdict.allowed ? "allowed" : verdict.rule;
}

const anyCountry = fc.constantFrom("SG", "CL", "DE", "CN", "US", "ZZ");
const anyCountries = fc.uniqueArray(fc.constantFrom("SG", "CL", "DE", "CN"), { maxLength: 4 });
export const anyHost = (name: string): fc.Arbitrary<HostView> =>
  fc.record({
    name: fc.constant(name),
    place: fc.record({
      country: anyCountry,
      zone: fc.constant(""),
      site: fc.constantFrom(...sites),
      grade: fc.constantFrom(...placeGrades),
    }),
    devices: fc.constantFrom([], [cpu], [gpu], [cpu, gpu], [gpu, cpu]),
    dataSets: fc.constantFrom([], ["digits"], ["digits", "other"]),
    attached: fc.boolean(),
    cordoned: fc.constantFrom(false, false, true),
    load: fc.subarray(["cpu", "cuda:0"]).map((devices) => holding(...devices)),
  });
const anyFleet: fc.Arbitrary<readonly HostView[]> = fc
  .integer({ min: 0, max: 7 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => anyHost(`h-${i}`))));
export interface AnyCase {
  readonly fleet: readonly HostView[];
  readonly data: DataSet | undefined;
  readonly wish: Record<string, unknown>;
}

export const anyCase: fc.Arbitrary<AnyCase> = fc.record({
  fleet: anyFleet,
  data: fc.option(
    fc.tuple(fc.constantFrom(...dataClasses), anyCountries).map(([c, named]) => dataSet(c, named)),
    { nil: undefined },
  ),
  wish: fc.constantFrom(
    {},
    { placement: { countries: ["SG", "DE"] } },
    { placement: { sites: ["private"] } },
    { placement: { hosts: ["h-0", "h-3"] } },
    { resources: { device: "cuda", memoryBytes: 2 ** 30 } },
  ),
});

export function jobOf({ wish, data }: AnyCase): JobSpec {
  return job({ ...wish, ...(data === undefined ? {} : { dataSet: data.name }) });
}
