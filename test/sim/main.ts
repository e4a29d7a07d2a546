/**
 * `npm run sim -- --seed S --count N`: plays seeds S to S+N-1.
 *
 *   --processes N      play beside each other; as many as there are cores
 *   --keep FILE        keeps what came of the seeds in FILE, and goes on from there the next time
 *   --first            up to the first seed that fails
 *   --trace            with all events of each seed
 *   --canary NAME      with a bug that is built in
 *   --json             the result as one JSON object
 *
 * Ends with 0 when all seeds kept every promise, 1 when one did not, 2 when asked for what there is
 * not, 130 when interrupted. How far it is comes on stderr, every ten seconds.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { playSeeds, type SeedOutcome } from "./seeds.js";
import { count, newTally, readTally, type Tally, writeTally } from "./tally.js";
import { type Canary, canaries } from "./world.js";

const tellEveryMs = 10_000;

try {
  process.exitCode = await run(optionsOf());
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 2;
}

type Options = ReturnType<typeof optionsOf>;

async function run(options: Options): Promise<number> {
  const { seed, count: seeds, canary, keep, processes } = options;
  const asked = newTally(seed, canary);
  const tally = (keep === undefined ? undefined : readTally(keep, asked)) ?? asked;
  const [before, startedMs] = [{ next: tally.next, seconds: tally.seconds }, performance.now()];
  const end = seed + seeds;
  let isStopped = false;
  const save = () => {
    tally.seconds = before.seconds + (performance.now() - startedMs) / 1000;
    if (keep !== undefined) writeTally(keep, tally);
  };
  const progress = setInterval(() => {
    save();
    console.error(
      progressText(tally, end, (tally.next - before.next) / (tally.seconds - before.seconds)),
    );
  }, tellEveryMs);
  const stop = () => {
    isStopped = true;
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const rest = { first: tally.next, count: Math.max(0, end - tally.next), processes };
  await playSeeds({ ...rest, canary, withTrace: options.trace }, (outcome) => {
    const isGood = tell(tally, outcome, options);
    return !isStopped && (isGood || !options.first);
  });
  clearInterval(progress);
  save();
  report(tally, options);
  if (isStopped && tally.next < end) return 130;
  return tally.failures.length === 0 ? 0 : 1;
}

/** True where the seed kept every promise. */
function tell(tally: Tally, outcome: SeedOutcome, { trace, json, canary }: Options): boolean {
  if (trace && "trace" in outcome) (json ? console.error : console.log)(outcome.trace.join("\n"));
  const failure = count(tally, outcome);
  if (failure === undefined) return true;
  console.error(`seed ${failure.seed} FAILED:\n  ${failure.violations.join("\n  ")}`);
  console.error(`  replay: ${replayOf(failure.seed, canary)}`);
  return false;
}

function replayOf(seed: number, canary: Canary | undefined): string {
  const again = canary === undefined ? "" : ` --canary ${canary}`;
  return `npm run sim -- --seed ${seed} --count 1 --trace${again}`;
}

function report(
  { first, next, seconds, failures, totals }: Tally,
  { json, canary }: Options,
): void {
  const seeds = next - first;
  const sorted = Object.fromEntries(Object.entries(totals).sort());
  const perSecond = Number((seeds / seconds).toFixed(1));
  if (json) {
    const failed = failures.map((one) => ({ ...one, replay: replayOf(one.seed, canary) }));
    console.log(JSON.stringify({ first, seeds, failed, seconds, perSecond, totals: sorted }));
    return;
  }
  console.log(sorted);
  console.log(`${seeds} seeds, ${failures.length} failed, ${perSecond} seeds a second`);
}

function progressText({ first, next, failures }: Tally, end: number, perSecond: number): string {
  const left = perSecond > 0 ? `${durationText((end - next) / perSecond)} left` : "none ended yet";
  const done = `${next - first} of ${end - first} seeds, ${failures.length} failed`;
  return `${done}, ${perSecond.toFixed(1)} a second, ${left}`;
}

function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function optionsOf() {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string", default: "100" },
      processes: { type: "string", default: String(availableParallelism()) },
      keep: { type: "string" },
      canary: { type: "string" },
      trace: { type: "boolean", default: false },
      first: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const canary = canaries.find((name) => name === values.canary);
  if (values.canary !== undefined && canary === undefined) {
    throw new Error(`there is no canary ${values.canary}, only ${canaries.join(", ")}`);
  }
  return {
    ...values,
    canary,
    seed: wholeNumber("seed", values.seed),
    count: wholeNumber("count", values.count),
    processes: wholeNumber("processes", values.processes),
  };
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number < 2 ** 32) return number;
  throw new Error(`--${name} is a whole number from 1 on, not ${text}`);
}
