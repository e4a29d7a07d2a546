/**
 * What came of the seeds so far, and the file that keeps it over an interruption. The file is of one
 * build: what another program has passed says nothing about this one.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SeedOutcome } from "./seeds.js";

export interface Failure {
  readonly seed: number;
  readonly violations: readonly string[];
}

export interface Tally {
  readonly build: string;
  readonly canary: string;
  readonly first: number;
  /** All seeds from `first` to before this one are in here. */
  next: number;
  seconds: number;
  readonly failures: Failure[];
  readonly totals: Record<string, number>;
}

export function newTally(first: number, canary = ""): Tally {
  return { build: buildDigest(), canary, first, next: first, seconds: 0, failures: [], totals: {} };
}

/** Of the failure, where it is one. */
export function count(tally: Tally, outcome: SeedOutcome): Failure | undefined {
  tally.next = outcome.seed + 1;
  const { seed } = outcome;
  if ("died" in outcome) {
    const failure = { seed, violations: [outcome.died] };
    tally.failures.push(failure);
    return failure;
  }
  const { counts, states, violations } = outcome;
  for (const [name, value] of [...Object.entries(counts), ...Object.entries(states)]) {
    tally.totals[name] = (tally.totals[name] ?? 0) + value;
  }
  if (violations.length === 0) return undefined;
  const failure = { seed, violations };
  tally.failures.push(failure);
  return failure;
}

/** Undefined where there is no such file; throws where it is about something else. */
export function readTally(path: string, asked: Tally): Tally | undefined {
  if (!existsSync(path)) return undefined;
  const kept = JSON.parse(readFileSync(path, "utf8")) as Tally;
  for (const name of ["build", "canary", "first"] as const) {
    if (kept[name] === asked[name]) continue;
    const both = `${name} ${kept[name]}, not ${asked[name]}`;
    throw new Error(`${path} tells of other seeds (${both}); remove it, or name another file`);
  }
  return kept;
}

export function writeTally(path: string, tally: Tally): void {
  writeFileSync(`${path}.part`, JSON.stringify(tally));
  renameSync(`${path}.part`, path);
}

function buildDigest(): string {
  const digest = createHash("sha256");
  for (const folder of ["dist/src", "dist/test/sim", "deploy/policy"]) {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
    for (const name of names.filter((name) => /\.(js|cedar)$/.test(name))) {
      digest.update(`${name}\n`).update(readFileSync(join(folder, name)));
    }
  }
  return digest.digest("hex").slice(0, 16);
}
