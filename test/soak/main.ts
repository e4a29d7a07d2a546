/**
 * `npm run test:soak [-- --only NAME --count N --seed S]`: what takes too long for every change. Each soak
 * prints how far it is, and exits with 1 at the first thing that is wrong.
 */
import { parseArgs } from "node:util";
import { abortsLeaveNothing } from "./aborts.js";
import { treesProve } from "./trees.js";

export interface Soak {
  readonly name: string;
  readonly count: number;
  readonly run: (count: number, seed: number, tell: (done: number) => void) => Promise<void>;
}

const soaks: readonly Soak[] = [
  { name: "trees", count: 1_000_000, run: treesProve },
  { name: "aborts", count: 10_000, run: abortsLeaveNothing },
];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    count: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});

const tellEveryMs = 10_000;
let failed = 0;
const chosen = soaks.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  console.error(`no soak ${values.only}: choose from ${soaks.map(({ name }) => name).join(", ")}`);
  process.exitCode = 2;
}
for (const { name, count, run } of chosen) {
  const wanted = Number(values.count ?? count);
  const startedMs = performance.now();
  let toldMs = startedMs;
  const tell = (done: number): void => {
    if (performance.now() - toldMs < tellEveryMs) return;
    toldMs = performance.now();
    console.log(`${name}: ${done} of ${wanted}`);
  };
  try {
    await run(wanted, Number(values.seed), tell);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.log(`ok     ${name}: ${wanted} in ${seconds} s`);
  } catch (thrown) {
    failed += 1;
    console.log(`FAILED ${name} (seed ${values.seed}): ${String(thrown)}`);
  }
}
if (chosen.length > 0) {
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
