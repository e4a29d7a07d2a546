/**
 * `npm run test:soak [-- --only NAME --count N --seed S]`: what takes too long for every change. Each soak
 * prints how far it is, and exits with 1 at the first thing that is wrong.
 */
import { parseArgs } from "node:util";
import { changeMsMax, leadersFall } from "../falling-leaders.js";
import { PostgresServer } from "../postgres-server.js";
import { abortsLeaveNothing } from "./aborts.js";
import { logCrashes } from "./log-crashes.js";
import { partitionsHeal } from "./partitions.js";
import { pilotsOutlive } from "./pilots.js";
import { treesProve } from "./trees.js";

export interface Soak {
  readonly name: string;
  readonly count: number;
  readonly run: (count: number, seed: number, tell: (done: number) => void) => Promise<unknown>;
}

const soaks: readonly Soak[] = [
  { name: "trees", count: 1_000_000, run: treesProve },
  { name: "aborts", count: 10_000, run: abortsLeaveNothing },
  { name: "leaders", count: 100, run: killLeaders },
  { name: "partitions", count: 30, run: partitionsHeal },
  { name: "pilots", count: 20, run: pilotsOutlive },
  { name: "log-crashes", count: 10_000, run: logCrashes },
];

const names = soaks.map(({ name }) => name);
const tellEveryMs = 10_000;

interface Asked {
  readonly only: string | undefined;
  readonly count: number | undefined;
  readonly seed: number;
}

async function killLeaders(kills: number, seed: number, tell: (done: number) => void) {
  const server = await PostgresServer.start();
  if (server === undefined) throw new Error("PostgreSQL is not installed (Debian: postgresql-15)");
  try {
    const { acknowledged, changesMs } = await leadersFall(server, kills, seed, tell);
    const sorted = changesMs.toSorted((a, b) => a - b);
    const [middle, longest] = [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0].map((ms) =>
      (ms / 1000).toFixed(1),
    );
    const late = sorted.filter((ms) => ms > changeMsMax).length;
    const changes = `half of the changes took up to ${middle} s, the longest ${longest} s`;
    console.log(`leaders: ${acknowledged} jobs; ${changes}; ${late} over ${changeMsMax} ms`);
  } finally {
    await server.close();
  }
}

/** What was asked for, or what is wrong with it. */
function asked(): Asked | string {
  const options = {
    only: { type: "string" },
    count: { type: "string" },
    seed: { type: "string", default: "1" },
  } as const;
  let values: { only?: string; count?: string; seed: string };
  try {
    values = parseArgs({ options }).values;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  const { only, count, seed } = values;
  if (only !== undefined && !names.includes(only)) {
    return `no soak ${only}: choose from ${names.join(", ")}`;
  }
  if (count !== undefined && !/^[1-9]\d{0,11}$/.test(count)) {
    return `--count takes a whole number from 1 on, not ${count}`;
  }
  if (!/^\d{1,9}$/.test(seed)) return `--seed takes a whole number of up to 9 digits, not ${seed}`;
  return { only, count: count === undefined ? undefined : Number(count), seed: Number(seed) };
}

async function runAll({ only, count: asked, seed }: Asked): Promise<number> {
  const chosen = soaks.filter(({ name }) => only === undefined || only === name);
  let failed = 0;
  for (const { name, count: usual, run } of chosen) {
    const count = asked ?? usual;
    const startedMs = performance.now();
    let toldMs = startedMs;
    const tell = (done: number): void => {
      if (performance.now() - toldMs < tellEveryMs) return;
      toldMs = performance.now();
      console.log(`${name}: ${done} of ${count}`);
    };
    try {
      await run(count, seed, tell);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      console.log(`ok     ${name}: ${count} in ${seconds} s`);
    } catch (thrown) {
      failed += 1;
      console.log(`FAILED ${name} (seed ${seed}): ${String(thrown)}`);
    }
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const wanted = asked();
if (typeof wanted === "string") {
  console.error(wanted);
  process.exitCode = 2;
} else {
  process.exitCode = await runAll(wanted);
}
