/**
 * What a call costs: a tiny operator at once and as a promise, a program that does nothing, and loading
 * the addon in a fresh process. Medians of many batches, so that one disturbance moves nothing.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { float32, Session } from "../src/compute/engine/session.js";
import { operatorModel, writeModel } from "../test/onnx-writer.js";
import { median, type RunOptions } from "./harness.js";
import { packageRoot } from "./machine.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const batches = 31;
const nanosecondsMax = 500;

const identity = writeModel({
  nodes: [{ operator: "Identity", inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x" }],
  outputs: ["y"],
});

/** Nanoseconds of one call. */
async function each(calls: number, call: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    const start = process.hrtime.bigint();
    for (let done = 0; done < calls; done += 1) {
      const answer = call();
      if (answer instanceof Promise) await answer;
    }
    times.push(Number(process.hrtime.bigint() - start) / calls);
  }
  return median(times);
}

function goal(name: string, nanoseconds: number, most: number): Said {
  const said =
    nanoseconds < 10_000
      ? `${Math.round(nanoseconds)} ns`
      : `${(nanoseconds / 1000).toFixed(1)} us`;
  return { name, said, goal: `< ${most / 1000} us`, held: nanoseconds < most };
}

/** Milliseconds from nothing to a loaded addon, without the start of Node. */
function loadMs(path: string): number {
  const script = `const t = process.hrtime.bigint(); require(${JSON.stringify(path)});
    console.log(Number(process.hrtime.bigint() - t) / 1e6);`;
  const times = Array.from({ length: 15 }, () =>
    Number(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout),
  );
  return median(times);
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const tiny = Session.compile(operatorModel("Add"), { a: [16], b: [16] });
  const empty = Session.compile(identity, { x: [1] });
  const x = float32([1], new Float32Array(1));
  const addon = createRequire(import.meta.url).resolve(join(packageRoot, "build", "quipu.node"));
  const ms = loadMs(addon);
  const results: Said[] = [
    goal("Add of 16, bound, at once", await each(20_000, tiny.bind().run), nanosecondsMax),
    goal("an empty program, bound, at once", await each(20_000, empty.bind().run), 5000),
    {
      name: "an empty program, as a promise",
      said: `${((await each(300, () => empty.run({ x }, { digests: false }))) / 1000).toFixed(1)} us`,
    },
    { name: "load of the addon", said: `${ms.toFixed(1)} ms`, goal: "< 20 ms", held: ms < 20 },
    { name: "size of the addon", said: `${(statSync(addon).size / 1e6).toFixed(1)} MB` },
  ];
  print("calls", results);
  if (only.length === 0 && pairs === undefined) record("calls", results);
}
