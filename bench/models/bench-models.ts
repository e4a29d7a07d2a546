/** What bench/models.ts runs: the real models that are installed, and a perceptron as many firms have one. */
import { readFileSync } from "node:fs";
import { seededRandom } from "../../src/base/random.js";
import type { HeldTensor } from "../../test/onnx/elements.js";
import {
  installedModels,
  modelInputs,
  modelNamed,
  modelPath,
  noise,
} from "../../test/onnx/real-models.js";
import { type ConstantParts, type NodeParts, writeModel } from "../../test/onnx-writer.js";
import { operatorNamed, operatorNames } from "./operators.js";

export interface BenchModel {
  /** The bytes of its file. */
  readonly read: () => Uint8Array;
  readonly inputs: readonly HeldTensor[];
  /** Its inputs are so large that no caller would have them copied. */
  readonly handsOver?: boolean;
  /** Ratio that was promised for one thread; 1 without it. */
  readonly least?: number;
}

const batches = new Map([
  ["perceptron, batch of 1", 1],
  ["perceptron, batch of 64", 64],
]);

export function benchModelNames(): readonly string[] {
  return [...installedModels().map(({ name }) => name), ...batches.keys(), ...operatorNames];
}

export function benchModel(name: string): BenchModel {
  const batch = batches.get(name);
  if (batch !== undefined) return perceptron(batch);
  const operator = operatorNamed(name);
  if (operator !== undefined) return operator;
  const model = modelNamed(name);
  return { read: () => readFileSync(modelPath(model)), inputs: modelInputs(model) };
}

/** 784 features, two layers of 1024 and ten classes; weights lie as PyTorch exports them. */
function perceptron(batch: number): BenchModel {
  const widths = [784, 1024, 1024, 10];
  const random = seededRandom(7);
  const constants: ConstantParts[] = [];
  const nodes: NodeParts[] = [];
  const hold = (name: string, dims: readonly number[], scale: number) => {
    const data = Float32Array.from(
      noise(random, name, dims).data as Float32Array,
      (x) => x * scale,
    );
    constants.push({ name, type: 1, dims, raw: new Uint8Array(data.buffer) });
  };
  for (const [layer, from] of widths.slice(0, -1).entries()) {
    const to = widths[layer + 1] as number;
    hold(`w${layer}`, [to, from], Math.sqrt(3 / from));
    hold(`b${layer}`, [to], 0.1);
    nodes.push({
      operator: "Gemm",
      inputs: [layer === 0 ? "x" : `h${layer}`, `w${layer}`, `b${layer}`],
      outputs: [`s${layer}`],
      attributes: { transB: 1 },
    });
    const last = layer === widths.length - 2;
    const output = last ? "y" : `h${layer + 1}`;
    nodes.push({ operator: last ? "Softmax" : "Relu", inputs: [`s${layer}`], outputs: [output] });
  }
  const bytes = writeModel({
    opset: 13,
    nodes,
    constants,
    inputs: [{ name: "x", axes: [batch, 784] }],
    outputs: ["y"],
  });
  return { read: () => bytes, inputs: [noise(random, "x", [batch, 784])] };
}
