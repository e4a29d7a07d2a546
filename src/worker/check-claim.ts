/**
 * A job that is a check: whether the outputs that a fast run has claimed are within their error model. In
 * binary64 on the processor, whatever the device; the same answer on every host.
 */
import { QuipuError } from "../base/errors.js";
import { checkProductOfRun } from "../compute/engine/check-product.js";
import { digestsOf } from "../compute/engine/digests.js";
import { type TensorTaskDone, writeOutput } from "../compute/engine/task.js";
import { type CheckTask, productCheckBytes, productCheckFile } from "../model/product-check.js";

export interface ClaimOptions {
  readonly task: CheckTask;
  readonly modelPath: string;
  readonly dataFolder: string;
  readonly claimedPath: string | undefined;
  readonly outputFolder: string;
  readonly onProgress: (share: number, activity: string) => void;
}

/** MODEL_UNSUPPORTED or LIMIT_EXCEEDED where nothing can be said of the claim: that is the fault of nobody. */
export async function checkClaim(options: ClaimOptions): Promise<TensorTaskDone> {
  const { task, modelPath, dataFolder, claimedPath, outputFolder: folder, onProgress } = options;
  if (claimedPath === undefined) {
    throw new QuipuError("INVALID_ARGUMENT", "the outputs to check were not granted");
  }
  const { fast: format, check } = task;
  const files = { task, modelPath, dataFolder, outputPath: claimedPath };
  const asked = { ...files, format, ...check, backend: "auto", onProgress } as const;
  const { report, inputBytes } = await checkProductOfRun(asked);
  const bytes = productCheckBytes(task, report.within);
  const digests = await digestsOf(bytes);
  const named = { folder, name: productCheckFile, mediaType: "application/json" };
  const output = await writeOutput({ ...named, bytes, digests });
  return {
    result: {
      outputs: [output],
      device: "cpu",
      backend: "portable",
      determinism: "bitwise",
      arithmetic: "",
    },
    inputBytes,
  };
}
