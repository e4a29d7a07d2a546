/**
 * Real models against onnxruntime-node, one input at a time: how fast each runs, how long it takes to
 * load, and what memory it keeps. A process of its own for each number of threads, since the addon reads
 * it once; a fresh one for each load. The models and the peer come with `npm run bench:peers`.
 */
import { availableParallelism } from "node:os";
import { ChildRun } from "../test/onnx/child-run.js";
import { installedModels, modelsMissing } from "../test/onnx/real-models.js";
import { median, type RunOptions } from "./harness.js";
import { benchModelNames } from "./models/bench-models.js";
import type { Loaded, LoadTask } from "./models/load-child.js";
import { operatorNames } from "./models/operators.js";
import type { SpeedTask } from "./models/speed-child.js";
import type { Result, Said } from "./result.js";
import { brief, print, record } from "./table.js";

const taskMsMax = 300_000;
const loadsUsual = 5;

export async function run({ pairs, only }: RunOptions): Promise<void> {
  if (installedModels().length === 0) return console.log(`models: ${modelsMissing}`);
  const isAsked = (name: string) => only.length === 0 || only.some((part) => name.includes(part));
  const names = benchModelNames().filter(isAsked);
  const results: Result[] = [];
  const add = (result: Result) => {
    process.stderr.write(`${brief(result)}\n`);
    results.push(result);
  };
  for (const threads of new Set([1, availableParallelism()])) {
    const child = new ChildRun<SpeedTask, Result>({
      module: new URL("./models/speed-child.js", import.meta.url),
      environment: { QUIPU_THREADS: String(threads) },
      nodeFlags: ["--expose-gc"],
      timeoutMs: taskMsMax,
    });
    for (const name of names) {
      const answer = await child.ask({ name, threads, pairs });
      add("result" in answer ? answer.result : { name, said: answer.fault });
    }
    child.end();
  }
  for (const name of names) {
    if (!operatorNames.includes(name)) add(await loadOf(name, pairs ?? loadsUsual));
  }
  print("models", results);
  // Part of a suite, or a hasty one, is a look at it and no result.
  if (only.length === 0 && pairs === undefined) record("models", results);
}

/** Medians of both sides, which take turns. */
async function loadOf(name: string, times: number): Promise<Said> {
  const sides = { ours: [] as Loaded[], peer: [] as Loaded[] };
  for (let turn = 0; turn < times; turn += 1) {
    for (const side of ["ours", "peer"] as const) {
      const child = new ChildRun<LoadTask, Loaded>({
        module: new URL("./models/load-child.js", import.meta.url),
        nodeFlags: ["--expose-gc"],
        timeoutMs: taskMsMax,
      });
      const answer = await child.ask({ name, side });
      child.end();
      if ("fault" in answer) return { name: `${name}, load`, said: answer.fault };
      sides[side].push(answer.result);
    }
  }
  const told = (loads: readonly Loaded[]) => {
    const ms = median(loads.map((load) => load.readyMs));
    const mib = median(loads.map((load) => load.residentBytes)) / 2 ** 20;
    return `${ms.toFixed(1)} ms, ${mib.toFixed(1)} MiB`;
  };
  return {
    name: `${name}, load and first run`,
    said: told(sides.ours),
    note: `onnxruntime-node ${told(sides.peer)}`,
  };
}
