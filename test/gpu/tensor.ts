/**
 * The tensor engine on a CUDA device: the golden vectors, shapes around every edge of the kernels'
 * tiles, and a whole task, bit for bit against the CPU.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { runTensorTask } from "../../src/compute/engine/task.js";
import { outputDigest } from "../../src/model/artifact.js";
import { jobSpec, type TensorTask } from "../../src/model/job.js";
import { differences } from "../canonical-check.js";
import { operatorDifferences } from "../canonical-programs.js";
import { readOperatorVectors, readVectors } from "../canonical-vectors.js";
import { convolutionDifferences, productDifferences } from "./shapes.js";

/** What differs, in words. Empty: every bit is equal. */
export async function tensorDifferences(): Promise<readonly string[]> {
  return [
    ...(await differences(readVectors(), "cuda", 0)),
    ...(await operatorDifferences(readOperatorVectors(), "cuda", 0)),
    ...(await productDifferences()),
    ...(await convolutionDifferences()),
    ...(await taskDifferences()),
  ];
}

async function taskDifferences(): Promise<string[]> {
  const file = parse(readFileSync(join("examples", "digits", "classify.yaml"), "utf8"));
  file.task.model = `sha256:${"0".repeat(64)}`;
  const task = jobSpec.parse(file).task as TensorTask;
  const digests = await Promise.all(
    (["cuda", "portable"] as const).map(async (backend) => {
      const outputFolder = mkdtempSync(join(tmpdir(), "quipu-"));
      try {
        const { result } = await runTensorTask({
          task: { ...task, backend },
          modelPath: join("examples", "digits", "knn.onnx"),
          dataFolder: join("examples", "data", "digits"),
          outputFolder,
        });
        const where = backend === "cuda" ? "cuda:0" : "cpu";
        return result.device === where ? outputDigest(result.outputs) : `ran on ${result.device}`;
      } finally {
        rmSync(outputFolder, { recursive: true });
      }
    }),
  );
  return digests[0] === digests[1] ? [] : [`classify: ${digests[0]}, on the CPU ${digests[1]}`];
}
