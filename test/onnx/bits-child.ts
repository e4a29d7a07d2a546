/** Digests of one test, or one real or random model, on every CPU backend, for a parent (child-run.ts). */
import { readFileSync } from "node:fs";
import { QuipuError } from "../../src/base/errors.js";
import type { Backend } from "../../src/compute/engine/session.js";
import { serve } from "./child-run.js";
import type { HeldTensor } from "./elements.js";
import { compileFor } from "./engine.js";
import { caseOf } from "./random/cases.js";
import { modelInputs, modelNamed, modelPath } from "./real-models.js";
import { namedInputs } from "./run-test.js";
import { readDataSets, readModel } from "./suite.js";

export type BitsTask =
  | { readonly suite: string; readonly name: string; readonly backends: readonly Backend[] }
  | { readonly model: string; readonly backends: readonly Backend[] }
  | { readonly seed: number; readonly backends: readonly Backend[] };

/** By what ran, all digests of all outputs as one text. */
export type BitsResult = Readonly<Record<string, string>>;

/** As the engine splits, whole, and in pieces that fit nothing. */
const splits = [0, 1, 3];

serve<BitsTask, BitsResult>(async (task) => {
  const result: Record<string, string> = {};
  for (const { bytes, inputs } of runsOf(task)) {
    for (const backend of task.backends) {
      for (const pieces of splits) {
        // Compiled anew: what depends on constants alone is computed by the first run only.
        const { digests, backend: ran } = await compileFor(bytes, inputs).run({ backend, pieces });
        if (ran !== backend) throw new QuipuError("INTERNAL", `${ran} ran instead of ${backend}`);
        const text = [...digests].map(([name, { blake3 }]) => `${name} ${blake3}`).join("\n");
        const key = `${backend}, ${pieces === 0 ? "split by size" : `${pieces} pieces`}`;
        result[key] = `${result[key] ?? ""}${text}\n`;
      }
    }
  }
  return result;
});

interface Run {
  readonly bytes: Uint8Array;
  readonly inputs: readonly HeldTensor[];
}

function runsOf(task: BitsTask): readonly Run[] {
  if ("model" in task) {
    const model = modelNamed(task.model);
    return [{ bytes: readFileSync(modelPath(model)), inputs: modelInputs(model) }];
  }
  if ("seed" in task) {
    const { model, inputs } = caseOf(task.seed, "");
    return [{ bytes: model, inputs }];
  }
  const { bytes, outline } = readModel(task.suite, task.name);
  return readDataSets(task.suite, task.name).map((set) => ({
    bytes,
    inputs: namedInputs(outline, set.inputs),
  }));
}
