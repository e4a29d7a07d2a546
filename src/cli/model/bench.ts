/** `quipu model bench FILE`: how long a model takes to compile and to run here, and how much memory. */
import { handedOver } from "../../compute/engine/handed-over.js";
import { OutputFile } from "../../compute/engine/output-file.js";
import { type Backend, type Fast, Session } from "../../compute/engine/session.js";
import { capabilities } from "../../compute/native/capabilities.js";
import type { VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { bytesText } from "../table.js";
import { tensorsOf } from "./inputs.js";
import { inputView, openModel } from "./open.js";

const limits = { threads: 1024, repeats: 1_000_000 };

export const action: VerbAction = async (context, invocation) => {
  const { output, signal } = context;
  const { options } = invocation;
  const repeats = wholeNumber(options.repeats, "--repeats", 1, limits.repeats);
  // Read by the addon when its threads start, which nothing before this has done.
  if (options.threads !== undefined) {
    process.env.QUIPU_THREADS = `${wholeNumber(options.threads, "--threads", 1, limits.threads)}`;
  }
  const { path, bytes, folder, inputs } = await openModel(context, invocation);
  const tensors = tensorsOf(inputs);
  output.progress("compiling");
  const compileStartMs = performance.now();
  const session = Session.compileFor(bytes, tensors, { folder });
  const compileMs = performance.now() - compileStartMs;
  const given = handedOver(tensors, session.inputs);
  const into = new OutputFile(session.outputs).rooms;
  const fast = options.fast as Fast | undefined;
  const runOptions = { backend: options.backend as Backend, fast, into, digests: false, signal };
  // The first one also touches memory that was never used, and is told apart.
  const firstStartMs = performance.now();
  const { backend } = await session.run(given, runOptions);
  const firstMs = performance.now() - firstStartMs;
  const times: number[] = [];
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    signal.throwIfAborted();
    output.progress(`run ${repeat} of ${repeats}`);
    const startMs = performance.now();
    await session.run(given, runOptions);
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const value = {
    model: path,
    backend,
    fast: fast ?? null,
    threads: capabilities({ probeCuda: false }).threads,
    inputs: inputs.map(inputView),
    repeats,
    compileMs,
    firstMs,
    medianMs: quantile(times, 0.5),
    p10Ms: quantile(times, 0.1),
    p90Ms: quantile(times, 0.9),
    residentBytes: process.memoryUsage.rss(),
  };
  output.result(value, () => benchLines(value).join("\n"));
  return 0;
};

interface Timing {
  readonly backend: string;
  readonly fast: Fast | null;
  readonly threads: number;
  readonly repeats: number;
  readonly compileMs: number;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
  readonly residentBytes: number;
}

function benchLines(timing: Timing): string[] {
  const { fast, threads, repeats, p10Ms, p90Ms } = timing;
  const backend = fast === null ? timing.backend : `${timing.backend} by ${fast}`;
  const spread = `p10 ${timeText(p10Ms)}, p90 ${timeText(p90Ms)}`;
  return [
    `run       ${timeText(timing.medianMs)}  median of ${repeats}; ${spread}`,
    `first     ${timeText(timing.firstMs)}`,
    `compile   ${timeText(timing.compileMs)}`,
    `memory    ${bytesText(timing.residentBytes)} resident`,
    `backend   ${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
  ];
}

function timeText(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toPrecision(4)} ms`;
}

/** Of sorted numbers, between the two nearest. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}
