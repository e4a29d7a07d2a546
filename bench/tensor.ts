/**
 * The tensor kernels beside OpenBLAS and oneDNN, where these are installed, in the one native process
 * that native/bench builds: ours, each peer and the limits of the machine, by turns over the same memory.
 */
import { spawn, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RunOptions } from "./harness.js";
import { packageRoot } from "./machine.js";
import type { Measured } from "./result.js";
import { brief, print, record } from "./table.js";

const pairsUsual = 7;

/** Kernels of OpenBLAS that may be faster here than those that it picks by the processor's name. */
const otherCores = ["SkylakeX", "Zen"];

interface PeerLine {
  readonly rate: number;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** As native/bench/contest.cc prints it; rates in billions a second, and a peer under each other key. */
interface ContestLine {
  readonly goal: string;
  readonly work: string;
  readonly threads: number;
  readonly unit: string;
  readonly ours: number;
  readonly share_of_limit?: number;
}

const known = new Set(["goal", "work", "threads", "unit", "ours", "share_of_limit"]);

/** Least ratio that was promised for one thread, by the goal and the peer. */
const promised: readonly (readonly [RegExp, RegExp, number])[] = [
  [/^T1 (\d+) x \1 x \1$/, /^OpenBLAS/, 0.95],
  [/^T1 (\d+) x \1 x \1, packed$/, /^oneDNN packed/, 0.97],
  [/^T2 /, /^OpenBLAS/, 2.5],
  [/^T2 /, /^oneDNN packed/, 1],
  [/^T4 softmax (4096|16384) /, /^oneDNN/, 1.8],
  [/^T4 layer normalisation (4096|16384) /, /^oneDNN/, 1.3],
  [/^T4 GELU 16384 /, /^oneDNN/, 2.5],
  [/^T6 /, /^oneDNN (?!plain)/, 0.95],
];

function resultsOf(line: ContestLine, pairs: number): Measured[] {
  const { goal, work, threads, ours, share_of_limit: share } = line;
  const unit = line.unit.slice(1).replace("/s", "").replace("byte", "B");
  const peers = Object.entries(line).filter(([key]) => !known.has(key)) as [string, PeerLine][];
  return peers.map(([peer, { rate, ratio, low, high }]) => {
    const least = promised.find(
      ([which, whom]) => which.test(`${goal} ${work}`) && whom.test(peer),
    )?.[2];
    return {
      name: `${goal} ${work}, ${threads} thread${threads === 1 ? "" : "s"}`,
      unit,
      oursRate: ours * 1e9,
      peer,
      peerRate: rate * 1e9,
      ratio: { median: ratio, p10: low, p90: high },
      pairs,
      ...(share === undefined ? {} : { limit: { name: "limit", rate: (ours / share) * 1e9 } }),
      ...(least === undefined || threads > 1 ? {} : { goal: { ratio: least } }),
    };
  });
}

/** Lines as they come, for who waits; what is no contest says what the machine can do. */
async function runBench(
  threads: number,
  pairs: number,
  only: string,
  core?: string,
): Promise<{ limits: Readonly<Record<string, unknown>>; results: Measured[] }> {
  const asked = ["--threads", `${threads}`, "--pairs", `${pairs}`, "--only", only];
  const child = spawn(join(packageRoot, "build", "native-bench"), asked, {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      QUIPU_THREADS: `${threads}`,
      ...(core === undefined ? {} : { OPENBLAS_CORETYPE: core }),
    },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const results: Measured[] = [];
  let limits = {};
  for await (const text of createInterface(child.stdout)) {
    const line = JSON.parse(text) as ContestLine;
    if (line.goal === undefined) limits = line;
    else {
      for (const result of resultsOf(line, pairs)) {
        if (core !== undefined && !result.peer.startsWith("OpenBLAS")) continue;
        process.stderr.write(`${brief(result)}\n`);
        results.push(result);
      }
    }
  }
  if ((await ended) !== 0) throw new Error("build/native-bench did not end well; see above");
  return { limits, results };
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const build = [join(packageRoot, "scripts", "build-native.mjs"), "--bench"];
  if (spawnSync(process.execPath, build, { stdio: "inherit" }).status !== 0) {
    console.log(
      "tensor: build/native-bench needs oneDNN's headers (Debian: libdnnl-dev); see above",
    );
    return;
  }
  for (const threads of new Set([1, availableParallelism()])) {
    const results: Measured[] = [];
    let limits = {};
    const parts = only.length === 0 ? [""] : only;
    for (const core of [undefined, ...otherCores]) {
      for (const part of core !== undefined && only.length === 0 ? ["T1", "T2"] : parts) {
        const told = await runBench(threads, pairs ?? pairsUsual, part, core);
        results.push(...told.results);
        if (core === undefined) limits = told.limits;
      }
    }
    print("tensor", results);
    // Part of a suite, or a hasty one, is a look at it and no result.
    if (only.length === 0 && pairs === undefined) record("tensor", results, { limits });
  }
}
