/** Single operators as models, for what bench/models.ts holds against the other engine. */
import { seededRandom } from "../../src/base/random.js";
import { noise } from "../../test/onnx/real-models.js";
import { type ConstantParts, type NodeParts, writeModel } from "../../test/onnx-writer.js";
import type { BenchModel } from "./bench-models.js";

interface Entry {
  readonly shape: readonly number[];
  readonly nodes: readonly NodeParts[];
  readonly constants?: Readonly<Record<string, readonly number[]>>;
  readonly scalars?: Readonly<Record<string, number>>;
  /** Ratio that was promised for one thread. */
  readonly least: number;
}

const step = (operator: string, inputs: readonly string[], output: string): NodeParts => ({
  operator,
  inputs,
  outputs: [output],
});

function convolution(size: number, stride: number, pad: number): NodeParts {
  const attributes = {
    kernel_shape: [size, size],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  };
  return { ...step("Conv", ["x", "w"], "y"), attributes };
}

const entries: Readonly<Record<string, Entry>> = {
  "softmax, 16384 x 1024": {
    shape: [16_384, 1024],
    nodes: [step("Softmax", ["x"], "y")],
    least: 8,
  },
  "layer normalisation, 16384 x 1024": {
    shape: [16_384, 1024],
    nodes: [step("LayerNormalization", ["x", "scale", "bias"], "y")],
    constants: { scale: [1024], bias: [1024] },
    least: 8,
  },
  "GELU, 16384 x 1024": {
    shape: [16_384, 1024],
    nodes: [
      step("Div", ["x", "root"], "u"),
      step("Erf", ["u"], "e"),
      step("Add", ["e", "one"], "s"),
      step("Mul", ["x", "s"], "p"),
      step("Mul", ["p", "half"], "y"),
    ],
    scalars: { root: Math.SQRT2, one: 1, half: 0.5 },
    least: 8,
  },
  "convolution 1 x 1, 256 to 64, 56 x 56": {
    shape: [1, 256, 56, 56],
    nodes: [convolution(1, 1, 0)],
    constants: { w: [64, 256, 1, 1] },
    least: 1.15,
  },
  "convolution 7 x 7 by 2, 3 to 64, 224 x 224": {
    shape: [1, 3, 224, 224],
    nodes: [convolution(7, 2, 3)],
    constants: { w: [64, 3, 7, 7] },
    least: 1.15,
  },
};

export const operatorNames: readonly string[] = Object.keys(entries);

export function operatorNamed(name: string): BenchModel | undefined {
  const entry = entries[name];
  if (entry === undefined) return undefined;
  const random = seededRandom(11);
  const floats = (data: Float32Array) =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const constants: ConstantParts[] = [
    ...Object.entries(entry.constants ?? {}).map(([held, dims]) => ({
      name: held,
      type: 1,
      dims,
      raw: floats(noise(random, held, dims).data as Float32Array),
    })),
    ...Object.entries(entry.scalars ?? {}).map(([held, value]) => ({
      name: held,
      type: 1,
      dims: [],
      raw: floats(Float32Array.of(value)),
    })),
  ];
  const bytes = writeModel({
    opset: 17,
    nodes: entry.nodes,
    constants,
    inputs: [{ name: "x", axes: entry.shape }],
    outputs: ["y"],
  });
  return {
    read: () => bytes,
    inputs: [noise(random, "x", entry.shape)],
    handsOver: true,
    least: entry.least,
  };
}
