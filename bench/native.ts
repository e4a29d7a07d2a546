/** The benches in C++: they print a line of JSON for each contest, as native/bench/contest.cc does. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "./machine.js";
import type { Measured } from "./result.js";
import { brief } from "./table.js";

interface PeerLine {
  readonly rate: number;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** Rates in billions a second, and a peer under each other key. */
interface ContestLine {
  readonly goal: string;
  readonly work: string;
  readonly threads: number;
  readonly unit: string;
  readonly ours: number;
  readonly share_of_limit?: number;
}

const known = new Set(["goal", "work", "threads", "unit", "ours", "share_of_limit"]);

/** Least ratio that was promised, by the goal and the peer. */
export type Promised = readonly (readonly [goal: RegExp, peer: RegExp, least: number])[];

function resultsOf(line: ContestLine, pairs: number, promised: Promised): Measured[] {
  const { goal, work, threads, ours, share_of_limit: share } = line;
  const unit = line.unit.slice(1).replace("/s", "").replace("byte", "B");
  const peers = Object.entries(line).filter(([key]) => !known.has(key)) as [string, PeerLine][];
  return peers.map(([peer, { rate, ratio, low, high }]) => {
    const least = promised.find(
      ([which, whom]) => which.test(`${goal} ${work}`) && whom.test(peer),
    )?.[2];
    return {
      name: `${goal} ${work}${threads === 0 ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`}`,
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

export interface NativeBench {
  /** In build/. */
  readonly program: string;
  readonly options: readonly string[];
  readonly pairs: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly promised: Promised;
  /** Only lines against such peers. */
  readonly against?: string | undefined;
}

export interface NativeResults {
  /** What the machine can do, as the program says. */
  readonly limits: Readonly<Record<string, unknown>>;
  readonly results: Measured[];
  /** How it ended. */
  readonly code: number | null;
}

/** Says each line as it comes, for who waits. */
export async function runNative(bench: NativeBench): Promise<NativeResults> {
  const { program, options, pairs, environment, promised, against = "" } = bench;
  const path = join(packageRoot, "build", program);
  if (!existsSync(path))
    throw new Error(`${path} is not here: build it, or unpack the tarball again`);
  const child = spawn(path, [...options, "--pairs", `${pairs}`], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const results: Measured[] = [];
  let limits = {};
  for await (const text of createInterface(child.stdout)) {
    const line = JSON.parse(text) as ContestLine;
    if (line.goal === undefined) limits = line;
    else {
      for (const result of resultsOf(line, pairs, promised)) {
        if (!result.peer.startsWith(against)) continue;
        process.stderr.write(`${brief(result)}\n`);
        results.push(result);
      }
    }
  }
  return { limits, results, code: await ended };
}
