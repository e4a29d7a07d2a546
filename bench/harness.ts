/**
 * Side-by-side measurements. Ours and the peer take turns in one process tree, so that what drifts
 * (clock speed, neighbours) hits both; a line is the median of the pairwise ratios with its 10th
 * and 90th percentile. A pair beside which somebody else worked is taken again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CpuWatch, othersShareMax, untilQuiet } from "./quiet.js";
import type { Goal, Limit, Measured } from "./result.js";

/** What takes its turn. */
export interface Side {
  /** One call. Its result is compared with `want`: hexadecimal text, bytes, or an array of these. */
  readonly run: () => unknown;
  /** Hexadecimal, by code that this side does not share. */
  readonly want?: string | undefined;
}

export interface Peer extends Side {
  readonly name: string;
  /** Work of one call where it is not that of ours, because the peer is too slow for all of it. */
  readonly work?: number;
  /** Time of each call that is not its work, for example the start of a process. */
  readonly overheadMs?: number;
  /** A running process that does the peer's work. */
  readonly processId?: number | undefined;
}

export interface Contest {
  readonly name: string;
  /** Work of one call, for the rates: bytes, floating-point operations, leaves. */
  readonly work: number;
  readonly unit: "B" | "FLOP" | "leaves" | "messages" | "runs";
  readonly ours: Side;
  /** What stands against it; a text says why there is none here. */
  readonly peer: Peer | string;
  /** Measured before the turns and after them. */
  readonly limit?: (() => Limit | undefined) | undefined;
  /** Least ratio to the peer, or least share of the limit, that was promised. */
  readonly goal?: Goal;
  readonly note?: string | undefined;
}

/** What the command line asks of a suite. */
export interface RunOptions {
  readonly full: boolean;
  readonly only: readonly string[];
  readonly pairs: number | undefined;
}

export interface BenchOptions {
  readonly pairs?: number | undefined;
  /** Time after which a slow line is content with fewer pairs. */
  readonly lineMsMax?: number;
}

interface Pair {
  readonly oursRate: number;
  readonly peerRate: number;
  readonly othersShare: number;
}

const pairsUsual = 15;
const pairsLeast = 7;
const lineMsUsual = 12_000;
/** A sample repeats its call until it took so long that the kernel's clock tells who else worked. */
const sampleMs = 100;
const sweepMs = 5;
/** Of a process, for all its lines: a machine that is never quiet is measured as it is. */
let patienceMs = 10_000;

export async function compete(contest: Contest, options: BenchOptions = {}): Promise<Measured> {
  const { name, unit, peer, goal, note } = contest;
  const before = contest.limit?.();
  const { pairs, noisyPairs } = await takePairs(contest, options);
  const after = contest.limit?.();
  const limit = before && after && before.rate > after.rate ? before : after;
  const ratios = pairs.map((pair) => pair.oursRate / pair.peerRate);
  const facts = {
    name,
    unit,
    oursRate: median(pairs.map((pair) => pair.oursRate)),
    pairs: pairs.length,
    noisyPairs,
    ...(limit === undefined ? {} : { limit }),
    ...(goal === undefined ? {} : { goal }),
    ...(note === undefined ? {} : { note }),
  };
  if (typeof peer === "string") return { ...facts, peer };
  return {
    ...facts,
    peer: peer.name,
    peerRate: median(pairs.map((pair) => pair.peerRate)),
    ratio: { median: median(ratios), p10: quantile(ratios, 0.1), p90: quantile(ratios, 0.9) },
  };
}

/** Quiet pairs, and the quietest of the others where there were not enough of them. */
async function takePairs(
  contest: Contest,
  options: BenchOptions,
): Promise<{ pairs: readonly Pair[]; noisyPairs: number }> {
  const wanted = options.pairs ?? pairsUsual;
  const lineMsMax = options.lineMsMax ?? lineMsUsual;
  const takePair = await pairTaker(contest);
  const startMs = performance.now();
  const quiet: Pair[] = [];
  const noisy: Pair[] = [];
  for (let turn = 0; quiet.length < wanted && turn < 2 * wanted; turn += 1) {
    if (turn >= pairsLeast && performance.now() - startMs > lineMsMax) break;
    const pair = await takePair(turn % 2 === 0);
    if (pair.othersShare <= othersShareMax) {
      quiet.push(pair);
    } else {
      noisy.push(pair);
      patienceMs -= await untilQuiet(patienceMs);
    }
  }
  noisy.sort((a, b) => a.othersShare - b.othersShare);
  const filling = noisy.slice(0, wanted - quiet.length);
  return { pairs: [...quiet, ...filling], noisyPairs: filling.length };
}

/** Warms both sides up and checks them; then each call takes a pair, either side first. */
async function pairTaker({
  work,
  ours,
  peer,
}: Contest): Promise<(oursFirst: boolean) => Promise<Pair>> {
  const oursRepeats = await repeatsFor(ours);
  const against = typeof peer === "string" ? undefined : peer;
  const peerRepeats = against === undefined ? 0 : await repeatsFor(against);
  const helpers = against?.processId === undefined ? [] : [against.processId];
  const takeOurs = async () => (work / (await sample(ours, oursRepeats))) * 1000;
  const takePeer = async () => {
    if (against === undefined) return Number.NaN;
    const tookMs = (await sample(against, peerRepeats)) - (against.overheadMs ?? 0);
    return ((against.work ?? work) / Math.max(tookMs, Number.MIN_VALUE)) * 1000;
  };
  return async (oursFirst) => {
    const watch = new CpuWatch(helpers);
    const first = await (oursFirst ? takeOurs() : takePeer());
    const second = await (oursFirst ? takePeer() : takeOurs());
    const [oursRate, peerRate] = oursFirst ? [first, second] : [second, first];
    return { oursRate, peerRate, othersShare: watch.othersShare() };
  };
}

/** Calls that fill one sample. */
async function repeatsFor(side: Side): Promise<number> {
  await sample(side, 1);
  for (let repeats = 1; ; ) {
    const tookMs = (await sample(side, repeats)) * repeats;
    if (tookMs >= 0.8 * sampleMs) return repeats;
    repeats = Math.ceil(repeats * Math.min(10, Math.max(1.2, sampleMs / tookMs)));
  }
}

/** Milliseconds a call. Waits only for promises: a turn of the event loop costs more than a hash. */
async function sample(side: Side, repeats: number): Promise<number> {
  await collectGarbage();
  const { run } = side;
  let result: unknown;
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeats; i += 1) {
    result = run();
    if (result instanceof Promise) result = await result;
  }
  const tookMs = Number(process.hrtime.bigint() - start) / 1e6;
  check(side, result);
  return tookMs / repeats;
}

/** So that no sample pays for what another left behind; needs `node --expose-gc`. */
async function collectGarbage(): Promise<void> {
  globalThis.gc?.();
  // Native memory is given back by finalizers, in later turns of the event loop, and the collector's own
  // threads sweep on for a while.
  await sleep(sweepMs);
}

function check({ want }: Side, result: unknown): void {
  if (want === undefined) return;
  const got = hexOf(result);
  if (got === want) return;
  const [gotStart, wantStart] = [got, want].map((text) => text.slice(0, 64));
  throw new Error(`a timed result is wrong: ${gotStart}, not ${wantStart}`);
}

export function hexOf(result: unknown): string {
  if (typeof result === "string") return result;
  if (Array.isArray(result)) return result.map(hexOf).join("");
  if (!(result instanceof Uint8Array)) throw new Error(`no digest: ${String(result)}`);
  return Buffer.from(result.buffer, result.byteOffset, result.byteLength).toString("hex");
}

/** The nearest of them, not between two. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}
