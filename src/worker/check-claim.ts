/**
 * A job that is a check: whether the outputs that a fast run has claimed are within their error model. In
 * binary64 on the processor, whatever the device; the same answer on every host.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { QuipuError } from "../base/errors.js";
import { digestsOf } from "../compute/engine/digests.js";
import { productOfRun } from "../compute/engine/product.js";
import type { TensorTaskDone } from "../compute/engine/task.js";
import { type CheckTask, productCheckBytes, productCheckFile } from "../model/product-check.js";
import { checkProducts, type ProductReport } from "../proof/audit/freivalds.js";

export interface ClaimOptions {
  readonly task: CheckTask;
  readonly modelPath: string;
  readonly dataFolder: string;
  readonly claimedPath: string | undefined;
  readonly outputFolder: string;
  readonly onProgress: (share: number, activity: string) => void;
}

/** MODEL_UNSUPPORTED where nothing can be said of the claim: that is the fault of nobody. */
export async function checkClaim(options: ClaimOptions): Promise<TensorTaskDone> {
  const { task, modelPath, dataFolder, claimedPath, outputFolder, onProgress } = options;
  if (claimedPath === undefined) {
    throw new QuipuError("INVALID_ARGUMENT", "the outputs to check were not granted");
  }
  onProgress(0, "computing the operands");
  const { signal } = new AbortController();
  const files = { task, modelPath, dataFolder, outputPath: claimedPath };
  const product = await productOfRun({ ...files, backend: "auto", signal });
  onProgress(0.5, "checking the product");
  const { within, elements, unchecked } = await report(product, task);
  if (unchecked === elements && elements > 0) {
    throw new QuipuError("MODEL_UNSUPPORTED", "nothing of the product can be checked");
  }
  const bytes = productCheckBytes(task, within);
  await writeFile(join(outputFolder, productCheckFile), bytes, { mode: 0o600, flag: "wx" });
  const { sha256: digest, blake3 } = await digestsOf(bytes);
  const mediaType = "application/json";
  const output = { name: productCheckFile, digest, blake3, sizeBytes: bytes.length, mediaType };
  return {
    result: {
      outputs: [output],
      device: "cpu",
      backend: "portable",
      determinism: "bitwise",
      arithmetic: "",
    },
    inputBytes: 4 * (product.a.length + product.b.length + product.c.length),
  };
}

async function report(
  product: Parameters<typeof checkProducts>[0],
  { fast: format, check: { seed, rounds } }: CheckTask,
): Promise<ProductReport> {
  const steps = checkProducts(product, { format, rounds, seed });
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}
