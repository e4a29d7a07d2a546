/** Runs one real model here and in the oracle, for a parent (child-run.ts). */
import { readFileSync } from "node:fs";
import { serve } from "./child-run.js";
import { compileFor, compileForSecond } from "./engine.js";
import { feedsOf, loadOracle, openOracle } from "./oracle.js";
import { modelInputs, modelNamed, modelPath } from "./real-models.js";

export interface ModelTask {
  readonly name: string;
  /** By the second machine (machine/run.ts), which is slow. */
  readonly second: boolean;
}

export interface OutputError {
  readonly output: string;
  readonly largest: number;
  readonly allowed: number;
  /** What is wrong besides a value that is too far off. */
  readonly mistake: string | undefined;
}

serve<ModelTask, readonly OutputError[]>(async ({ name, second }) => {
  const model = modelNamed(name);
  const inputs = modelInputs(model);
  const oracle = loadOracle();
  const session = await openOracle(oracle, modelPath(model), 1);
  const expected = await session.run(feedsOf(oracle, inputs));
  const compile = second ? compileForSecond : compileFor;
  const compiled = compile(readFileSync(modelPath(model)), inputs);
  const { outputs } = await compiled.run({ digests: false });
  return Object.entries(expected).map(([output, { type, dims, data }]) => {
    const ours = outputs.get(output);
    const wanted = `${type} [${dims.join(", ")}]`;
    const is = ours === undefined ? "missing" : `${ours.dtype} [${ours.shape.join(", ")}]`;
    if (ours === undefined || is !== wanted) {
      const mistake = `is ${is} and should be ${wanted}`;
      return { output, largest: Number.NaN, allowed: 0, mistake };
    }
    return { output, ...largestError(ours.data, data), mistake: undefined };
  });
});

type Values = ArrayLike<number | bigint>;

/** 1e-5 and a ten-thousandth of the oracle's largest value are allowed; NaN counts as too far. */
function largestError(ours: Values, oracles: Values): { largest: number; allowed: number } {
  let largest = 0;
  let scale = 0;
  for (let index = 0; index < oracles.length; index += 1) {
    const expected = Number(oracles[index]);
    const error = Math.abs(Number(ours[index]) - expected);
    largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
    scale = Math.max(scale, Math.abs(expected));
  }
  return { largest, allowed: 1e-5 + 1e-4 * scale };
}
