/**
 * `npm run test:random [-- --count N --seed S --only OPERATOR --second --verbose]`: random models of one
 * operator beside the oracle, which comes with `npm run bench:peers`. A difference names its seed, which
 * alone makes it again: `--seed S --count 1`.
 */
import { parseArgs } from "node:util";
import { ChildRun } from "./child-run.js";
import type { RandomOutcome, RandomTask } from "./random-child.js";

const taskMsMax = 60_000;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    second: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const child = new ChildRun<RandomTask, RandomOutcome>({
  module: new URL("./random-child.js", import.meta.url),
  timeoutMs: taskMsMax,
});
const counts = { equal: 0, different: 0, "not supported": 0, "refused by the oracle": 0 };
const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.count); seed += 1) {
  const answer = await child.ask({ seed, only: values.only, second: values.second });
  if ("fault" in answer) {
    counts.different += 1;
    console.log(`DIFFERENT seed ${seed}: ${answer.fault}`);
    continue;
  }
  const { verdict, told, why } = answer.result;
  counts[verdict] += 1;
  if (verdict !== "different" && !values.verbose) continue;
  console.log(`${verdict.toUpperCase()} seed ${seed}: ${told}${why === "" ? "" : `: ${why}`}`);
}
child.end();
console.log(
  `${counts["refused by the oracle"]} refused by the oracle, ${counts["not supported"]} not supported`,
);
console.log(`${counts.equal} equal, ${counts.different} different`);
process.exitCode = counts.different === 0 ? 0 : 1;
