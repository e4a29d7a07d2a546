/**
 * `npm run sim -- --seed S --count N [--canary NAME] [--trace] [--first]`: seeds S to S+N-1, one
 * after another; with `--first` up to the first that fails.
 */
import { parseArgs } from "node:util";
import { type SimReport, simulate } from "./simulate.js";
import type { Canary } from "./world.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "100" },
    canary: { type: "string" },
    trace: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
  },
});

const first = Number(values.seed);
const count = Number(values.count);
const canary = values.canary as Canary | undefined;
const totals = new Map<string, number>();
let failures = 0;
const startedMs = performance.now();

for (let seed = first; seed < first + count; seed += 1) {
  const report = await simulate(seed, canary);
  add(report);
  if (values.trace) console.log(report.trace.join("\n"));
  if (report.violations.length === 0) continue;
  failures += 1;
  console.error(`seed ${seed} FAILED:\n  ${report.violations.join("\n  ")}`);
  const again = canary === undefined ? "" : ` --canary ${canary}`;
  console.error(`  replay: npm run sim -- --seed ${seed} --count 1 --trace${again}`);
  if (values.first) break;
}

const seconds = (performance.now() - startedMs) / 1000;
console.log(Object.fromEntries([...totals].sort()));
console.log(`${count} seeds, ${failures} failed, ${(count / seconds).toFixed(1)} seeds a second`);
process.exitCode = failures === 0 ? 0 : 1;

function add({ counts, states }: SimReport): void {
  for (const [name, value] of [...Object.entries(counts), ...Object.entries(states)]) {
    totals.set(name, (totals.get(name) ?? 0) + value);
  }
}
