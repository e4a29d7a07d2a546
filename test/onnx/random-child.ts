/** Runs one random model here and in the oracle, for a parent (child-run.ts). */
import { QuipuError } from "../../src/base/errors.js";
import { serve } from "./child-run.js";
import { firstDifference } from "./compare.js";
import type { HeldTensor } from "./elements.js";
import { compileFor, compileForSecond } from "./engine.js";
import { feedsOf, loadOracle } from "./oracle.js";
import { caseOf } from "./random/cases.js";

export interface RandomTask {
  readonly seed: number;
  readonly only: string;
  /** By the second machine (machine/run.ts). */
  readonly second: boolean;
}

export interface RandomOutcome {
  readonly operator: string;
  readonly told: string;
  readonly verdict: "equal" | "different" | "not supported" | "refused by the oracle";
  readonly why: string;
}

const oracle = loadOracle();

serve<RandomTask, RandomOutcome>(async ({ seed, only, second }) => {
  const { operator, model, inputs, told } = caseOf(seed, only);
  const end = (verdict: RandomOutcome["verdict"], why = "") => ({ operator, told, verdict, why });
  let expected: readonly HeldTensor[];
  try {
    const session = await oracle.InferenceSession.create(model, { logSeverityLevel: 4 });
    const results = await session.run(feedsOf(oracle, inputs));
    expected = Object.entries(results).map(([name, { type, dims, data }]) => {
      return { name, dtype: type, shape: dims, data };
    });
  } catch (thrown) {
    return end("refused by the oracle", String(thrown));
  }
  try {
    const compile = second ? compileForSecond : compileFor;
    const { outputs } = await compile(model, inputs).run({ digests: false });
    for (const tensor of expected) {
      const ours = outputs.get(tensor.name);
      if (ours === undefined) return end("different", `there is no output ${tensor.name}`);
      const why = firstDifference(ours, tensor, Math.max(1e-6, scaleOf(tensor)));
      if (why !== undefined) return end("different", why);
    }
    return end("equal");
  } catch (thrown) {
    const { code, message } = QuipuError.from(thrown);
    return end(code === "MODEL_UNSUPPORTED" ? "not supported" : "different", `${code}: ${message}`);
  }
});

/** Sums that cancel are as far off as their terms are large. */
function scaleOf({ data, dtype }: HeldTensor): number {
  if (dtype !== "float32") return 0;
  let scale = 0;
  for (const value of data) {
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(Number(value)));
  }
  return Math.min(scale, 100) * 1e-5;
}
