/**
 * What the law costs: one question with 200 rules in force, the base set and every law pack among
 * them. New facts each time, so that no answer is remembered; then the same facts again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DataSet } from "../src/model/data-set.js";
import { type JobSpec, jobSpec } from "../src/model/job.js";
import type { Terms } from "../src/model/terms.js";
import { loadPolicy, type PolicyEngine } from "../src/scheduler/policy/engine.js";
import type { RunOptions } from "./harness.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const ruleCount = 200;
const questions = 3_000;
/** The first calls of a process compile what they run. */
const warmUp = 300;
const p95MsMax = 1;

const at = "2026-12-01T00:00:00Z";
const terms: Terms = {
  ...{ origin: "SG", persons: 1000, importantData: false, criticalOperator: false },
  instruments: [{ mechanism: "contract", countries: ["CL"], until: "2027-01-01T00:00:00Z" }],
};
const dataSet: DataSet = {
  ...{ name: "digits", dataClass: "personal", owner: "clinic", countries: ["SG", "CL"] },
  ...{ manifestDigest: `sha256:${"a".repeat(64)}`, merkleRoot: "b".repeat(64) },
  ...{ sizeBytes: 1, files: 1, terms },
};

function rulesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".cedar"));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** An operator's own rules up to the count: each looks at something, and none decides. */
function setOf(count: number): Record<string, string> {
  const files = { ...rulesOf("deploy/policy"), ...rulesOf("deploy/policy/packs") };
  const { size } = loadPolicy(files).rules;
  const own = Array.from(
    { length: count - size },
    (_, i) => `@id("own.rule-${i}") @says("Rule ${i}")
      forbid (principal, action in [Action::"run_on", Action::"export"], resource)
      when { context.data.owner == "owner-${i}" && context.data.countries.contains("DE") }
      unless { resource.country == "SG" };`,
  );
  return { ...files, "own.cedar": own.join("\n") };
}

function jobOf(number: number): JobSpec {
  return jobSpec.parse({
    ...{ version: "quipu.dev/v1", name: "job", dataSet: "digits", purpose: `purpose-${number}` },
    task: { driver: "hash" },
  });
}

const place = { country: "CL", zone: "", site: "private", grade: "operator-asserted" } as const;

function runOn(policy: PolicyEngine, job: JobSpec): boolean {
  return policy.runOn({ job, dataSet, host: { name: "cl-1", place }, at }).allowed;
}

function exportTo(policy: PolicyEngine, job: JobSpec, destinationCountry: string): boolean {
  const leaving = { destinationCountry, fromCountry: "SG", what: "output" } as const;
  return policy.exportTo({ job, dataSet, at, ...leaving }).allowed;
}

/**
 * Milliseconds of the processor for each question, ascending: who else works here does not count.
 * All rules are asked, and `allowed` is what they say.
 */
function timesOf(allowed: boolean, ask: (number: number) => boolean): Float64Array {
  const times = new Float64Array(questions);
  for (let i = -warmUp; i < questions; i += 1) {
    const start = process.cpuUsage();
    const answer = ask(i + warmUp);
    const { user, system } = process.cpuUsage(start);
    if (answer !== allowed) throw new Error("a question of the bench was answered otherwise");
    if (i >= 0) times[i] = (user + system) / 1000;
  }
  return times.sort();
}

function lineOf(name: string, times: Float64Array): Said {
  const percentile = (share: number) => times[Math.floor((questions - 1) * share)] as number;
  const p95 = percentile(0.95);
  return {
    name,
    said: `p50 ${percentile(0.5).toFixed(3)} ms, p95 ${p95.toFixed(3)} ms`,
    goal: `p95 < ${p95MsMax} ms`,
    held: p95 < p95MsMax,
  };
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const files = setOf(ruleCount);
  const start = performance.now();
  const policy = loadPolicy(files);
  const loadMs = performance.now() - start;
  const jobs = Array.from({ length: questions + warmUp }, (_, i) => jobOf(i));
  const jobAt = (number: number) => jobs[number] as JobSpec;
  const runAt = (number: number) => runOn(policy, jobAt(number));
  const exportAt = (country: string) => (number: number) =>
    exportTo(policy, jobAt(number), country);
  const lines: readonly (() => Said)[] = [
    () => lineOf("may it run there and read its data, new facts", timesOf(true, runAt)),
    () => lineOf("may its result leave, new facts", timesOf(true, exportAt("CL"))),
    () => lineOf("it may not leave, and the rule that says so", timesOf(false, exportAt("DE"))),
    () =>
      lineOf(
        "may it run there, known facts",
        timesOf(true, () => runAt(0)),
      ),
    () => ({ name: `load of ${policy.rules.size} rules`, said: `${loadMs.toFixed(0)} ms` }),
  ];
  const results = lines.map((line) => line()).filter(({ name }) => isAsked(name, only));
  print("policy", results);
  if (only.length === 0 && pairs === undefined) record("policy", results);
}

function isAsked(name: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((part) => name.includes(part));
}
