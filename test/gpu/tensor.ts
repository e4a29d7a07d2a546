/**
 * The tensor engine on a CUDA device: the golden vectors, shapes around every edge of the kernels'
 * tiles, and a whole task, bit for bit against the CPU.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { float32 } from "../../src/compute/engine/session.js";
import { runTensorTask } from "../../src/compute/engine/task.js";
import { outputDigest } from "../../src/model/artifact.js";
import { jobSpec, type TensorTask } from "../../src/model/job.js";
import { compute, differences } from "../canonical-check.js";
import { operatorDifferences } from "../canonical-programs.js";
import { byFormula, toBitText } from "../canonical-reference.js";
import { readOperatorVectors, readVectors } from "../canonical-vectors.js";
import { operatorModel } from "../onnx-writer.js";

/** What differs, in words. Empty: every bit is equal. */
export async function tensorDifferences(): Promise<readonly string[]> {
  return [
    ...(await differences(readVectors(), "cuda", 0)),
    ...(await operatorDifferences(readOperatorVectors(), "cuda", 0)),
    ...(await shapeDifferences()),
    ...(await taskDifferences()),
  ];
}

async function shapeDifferences(): Promise<string[]> {
  const found: string[] = [];
  const sizes = [1, 7, 64, 127, 128, 129, 300];
  for (const [index, m] of sizes.entries()) {
    const n = sizes[(index * 3 + 1) % sizes.length] as number;
    for (const k of [1, 8, 9, 255, 256, 257, 264, 1000]) {
      const formula = (["unit", "wide", "tiny"] as const)[(m + k) % 3] ?? "unit";
      const inputs = {
        a: float32([m, k], byFormula(formula, m + k, m * k)),
        b: float32([k, n], byFormula(formula, n + k, k * n)),
      };
      const [cuda, cpu] = await Promise.all(
        (["cuda", "portable"] as const).map(async (backend) => {
          const c = (await compute(operatorModel("MatMul"), backend, 0, inputs)).get("c");
          return c?.dtype === "float32" ? toBitText(c.data) : "";
        }),
      );
      if (cuda !== cpu) found.push(`matmul ${m} x ${n} x ${k} of ${formula} values`);
    }
  }
  return found;
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
