/**
 * Side-by-side measurements. Ours and the peer take turns in one process tree, so that what drifts
 * (clock speed, neighbours) hits both; a line is the median of the pairwise ratios with its 10th
 * and 90th percentile. Each run appends one JSON line to bench/results/SUITE.jsonl.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { arch, availableParallelism, cpus, release } from "node:os";
import { dirname, join } from "node:path";

export interface Contest {
  readonly name: string;
  /** Work of one call, for the rates: bytes, floating-point operations, leaves. */
  readonly work: number;
  readonly unit: "B" | "FLOP" | "leaves" | "calls";
  readonly ours: () => unknown;
  /** What stands against it, and its version; a text says why there is none here. */
  readonly peer: { readonly name: string; readonly run: () => unknown } | string;
  /** Time of each peer call that is not its work, for example the start of a process. */
  readonly peerOverheadMs?: number;
  /** Best rate that the machine allows, in units a second, measured in the same run. */
  readonly limit?: number;
}

export interface Result {
  readonly name: string;
  readonly unit: string;
  /** Units a second. */
  readonly oursRate: number;
  readonly peer: string;
  readonly peerRate?: number;
  /** Speed of ours over speed of the peer. */
  readonly ratio?: { readonly median: number; readonly p10: number; readonly p90: number };
  readonly shareOfLimit?: number;
  readonly pairs: number;
}

export interface BenchOptions {
  readonly pairs?: number;
  /** Each sample repeats its call until it took this long. */
  readonly sampleMs?: number;
}

/** Runs all contests, prints the table and appends the results. */
export async function bench(
  suite: string,
  contests: readonly Contest[],
  { pairs = 15, sampleMs = 10 }: BenchOptions = {},
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const contest of contests) results.push(await compete(contest, pairs, sampleMs));
  print(suite, results);
  const line = { suite, at: new Date().toISOString(), machine: machine(), results };
  const path = join("bench", "results", `${suite}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, `${JSON.stringify(line)}\n`);
  return results;
}

async function compete(contest: Contest, pairs: number, sampleMs: number): Promise<Result> {
  const { name, work, unit, ours, peer, limit } = contest;
  const oursRepeats = await repeatsFor(ours, sampleMs);
  const rates = { ours: [] as number[], peer: [] as number[], ratio: [] as number[] };
  const peerRepeats = typeof peer === "string" ? 0 : await repeatsFor(peer.run, sampleMs);
  for (let pair = 0; pair < pairs; pair += 1) {
    const oursMs = await time(ours, oursRepeats);
    rates.ours.push((work / oursMs) * 1000);
    if (typeof peer === "string") continue;
    const peerMs = Math.max((await time(peer.run, peerRepeats)) - (contest.peerOverheadMs ?? 0), 0);
    rates.peer.push((work / peerMs) * 1000);
    rates.ratio.push(peerMs / oursMs);
  }
  const oursRate = quantile(rates.ours, 0.5);
  return {
    name,
    unit,
    oursRate,
    pairs,
    peer: typeof peer === "string" ? `none: ${peer}` : peer.name,
    ...(limit === undefined ? {} : { shareOfLimit: oursRate / limit }),
    ...(typeof peer === "string"
      ? {}
      : {
          peerRate: quantile(rates.peer, 0.5),
          ratio: {
            median: quantile(rates.ratio, 0.5),
            p10: quantile(rates.ratio, 0.1),
            p90: quantile(rates.ratio, 0.9),
          },
        }),
  };
}

/** Calls that fill one sample, after a warm-up. */
async function repeatsFor(call: () => unknown, sampleMs: number): Promise<number> {
  await time(call, 1);
  let repeats = 1;
  for (;;) {
    const tookMs = (await time(call, repeats)) * repeats;
    if (tookMs >= sampleMs) return repeats;
    repeats = Math.ceil(repeats * Math.min(10, Math.max(2, (1.2 * sampleMs) / tookMs)));
  }
}

/** Milliseconds a call. Waits only for promises: a turn of the event loop costs more than a hash. */
async function time(call: () => unknown, repeats: number): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeats; i += 1) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return Number(process.hrtime.bigint() - start) / 1e6 / repeats;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

function machine(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    arch: arch(),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    commit: commit(),
  };
}

/** Empty outside a git checkout. */
function commit(): string {
  try {
    const git = ["rev-parse", "--short", "HEAD"];
    return execFileSync("git", git, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return ""; // an unpacked tarball has no history
  }
}

function print(suite: string, results: readonly Result[]): void {
  const rows = results.map((result) => [
    result.name,
    rate(result.oursRate, result.unit),
    result.peerRate === undefined ? "-" : rate(result.peerRate, result.unit),
    result.ratio === undefined
      ? "-"
      : `${figure(result.ratio.median)}x (${figure(result.ratio.p10)} to ${figure(result.ratio.p90)})`,
    result.shareOfLimit === undefined ? "-" : `${(result.shareOfLimit * 100).toFixed(0)} %`,
    result.peer,
  ]);
  const header = [suite, "ours", "peer", "ours/peer (p10 to p90)", "of limit", "against"];
  const widths = header.map((_, i) =>
    Math.max(...[header, ...rows].map((row) => (row[i] ?? "").length)),
  );
  for (const row of [header, ...rows]) {
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

function rate(perSecond: number, unit: string): string {
  const [scale, prefix] =
    perSecond >= 1e9 ? [1e9, "G"] : perSecond >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return `${figure(perSecond / Number(scale))} ${prefix}${unit}/s`;
}

const figure = (value: number): string => value.toPrecision(3);
