/** One real model by turns here and in onnxruntime-node, for bench/models.ts. */
import { QuipuError } from "../../src/base/errors.js";
import { serve } from "../../test/onnx/child-run.js";
import { compileFor } from "../../test/onnx/engine.js";
import { feedsOf, loadOracle, openOracle } from "../../test/onnx/oracle.js";
import { compete } from "../harness.js";
import type { Result } from "../result.js";
import { benchModel } from "./bench-models.js";

export interface SpeedTask {
  readonly name: string;
  readonly threads: number;
  readonly pairs: number | undefined;
}

serve<SpeedTask, Result>(async ({ name, threads, pairs }) => {
  const { read, inputs, handsOver, least = 1 } = benchModel(name);
  const line = `${name}, ${threads} thread${threads === 1 ? "" : "s"}`;
  const oracle = loadOracle();
  const session = await openOracle(oracle, read(), threads);
  const feeds = feedsOf(oracle, inputs);
  try {
    const compiled = compileFor(read(), inputs, handsOver);
    const { outputs } = await compiled.run({ digests: false });
    // Both sides make their outputs anew or neither does: the peer has no way to reuse them here.
    if (outputs.size !== Object.keys(await session.run(feeds)).length) {
      throw new Error(`${name} gives another number of outputs than its peer`);
    }
    return await compete(
      {
        name: line,
        work: 1,
        unit: "runs",
        ours: { run: () => compiled.run({ digests: false }) },
        peer: { name: "onnxruntime-node", run: () => session.run(feeds) },
        ...(threads === 1 ? { goal: { ratio: least } } : {}),
      },
      { pairs },
    );
  } catch (thrown) {
    return { name: line, said: "-", note: QuipuError.from(thrown).message };
  }
});
