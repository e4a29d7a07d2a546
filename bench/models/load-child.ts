/**
 * In a fresh process: how long a model takes from its file to its first result, and what resident memory it
 * leaves, with the engine's own library loaded beforehand. For bench/models.ts.
 */
import { serve } from "../../test/onnx/child-run.js";
import { compileFor } from "../../test/onnx/engine.js";
import { feedsOf, loadOracle, openOracle } from "../../test/onnx/oracle.js";
import { operatorModel } from "../../test/onnx-writer.js";
import { type BenchModel, benchModel } from "./bench-models.js";

export interface LoadTask {
  readonly name: string;
  readonly side: "ours" | "peer";
}

export interface Loaded {
  readonly readyMs: number;
  readonly residentBytes: number;
}

serve<LoadTask, Loaded>(async ({ name, side }) => {
  const model = benchModel(name);
  const first = side === "ours" ? await readyOurs() : readyPeer();
  globalThis.gc?.();
  const residentBefore = process.memoryUsage.rss();
  const startMs = performance.now();
  const kept = await first(model);
  const readyMs = performance.now() - startMs;
  globalThis.gc?.();
  const residentBytes = process.memoryUsage.rss() - residentBefore;
  if (kept === undefined) throw new Error("nothing was loaded");
  return { readyMs, residentBytes };
});

type FirstRun = (model: BenchModel) => Promise<unknown>;

/** Its library and its threads are there once it has run anything. */
async function readyOurs(): Promise<FirstRun> {
  const name = "a";
  const one = { name, dtype: "float32", shape: [1, 1], data: Float32Array.from([1]) };
  await compileFor(operatorModel("MatMul"), [one, { ...one, name: "b" }]).run({});
  return async ({ read, inputs }) => {
    const compiled = compileFor(read(), inputs);
    await compiled.run({ digests: false });
    return compiled;
  };
}

function readyPeer(): FirstRun {
  const oracle = loadOracle();
  return async ({ read, inputs }) => {
    const session = await openOracle(oracle, read(), 1);
    await session.run(feedsOf(oracle, inputs));
    return session;
  };
}
