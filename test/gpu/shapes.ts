/**
 * Products and convolutions on a CUDA device, in shapes that take every kernel and meet the edges of its
 * tiles, bit for bit against the CPU.
 */
import { float32, Session, type Tensor } from "../../src/compute/engine/session.js";
import { byFormula } from "../canonical-reference.js";
import { operatorModel, writeModel } from "../onnx-writer.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** Around every edge, and such that each kernel has enough tiles to be chosen on 132 processors. */
function* matmulSizes(): Generator<readonly [m: number, n: number, k: number]> {
  const sizes = [1, 7, 64, 127, 128, 129, 300];
  for (const [index, m] of sizes.entries()) {
    const n = sizes[(index * 3 + 1) % sizes.length] as number;
    for (const k of [1, 8, 9, 255, 256, 257, 264, 1000]) yield [m, n, k];
  }
  yield* [
    [1, 132, 516],
    [1, 4096, 1028],
    [8, 1000, 2052],
    [2176, 2048, 516],
    [2176, 2049, 515],
    [64, 16_896, 520],
    [20, 16_896, 520],
    [700, 700, 3000],
  ];
}

export async function productDifferences(): Promise<string[]> {
  const found: string[] = [];
  for (const [m, n, k] of matmulSizes()) {
    const formula = (["unit", "wide", "tiny"] as const)[(m + k) % 3] ?? "unit";
    const inputs = {
      a: float32([m, k], byFormula(formula, m + k, m * k)),
      b: float32([k, n], byFormula(formula, n + k, k * n)),
    };
    if (!(await isAlike(operatorModel("MatMul"), inputs))) {
      found.push(`matmul ${m} x ${n} x ${k} of ${formula} values`);
    }
  }
  return found;
}

/** Images, channels in and out, rows, columns, kernel, stride, padding, groups. */
const convolutions: readonly (readonly number[])[] = [
  [1, 20, 24, 30, 40, 1, 1, 0, 1],
  [3, 20, 24, 7, 7, 1, 1, 0, 1],
  [3, 20, 24, 23, 24, 1, 1, 0, 1],
  [2, 33, 17, 14, 15, 3, 1, 1, 1],
  [4, 32, 64, 28, 28, 3, 1, 1, 1],
  [2, 3, 64, 61, 63, 7, 2, 3, 1],
  [2, 40, 80, 9, 8, 3, 2, 1, 2],
  [2, 128, 256, 56, 56, 3, 1, 1, 1],
  [2, 5, 9, 12, 13, 3, 1, 1, 1],
];

export async function convolutionDifferences(): Promise<string[]> {
  const found: string[] = [];
  for (const shape of convolutions) {
    const [images = 1, from = 1, to = 1, rows = 1, columns = 1, ...window] = shape;
    const [size = 1, stride = 1, pad = 0, group = 1] = window;
    const weights = [to, from / group, size, size];
    const x = [images, from, rows, columns];
    const count = (axes: readonly number[]) => axes.reduce((product, axis) => product * axis, 1);
    const model = writeModel({
      nodes: [
        {
          operator: "Conv",
          inputs: ["x", "w"],
          outputs: ["c"],
          attributes: {
            group,
            kernel_shape: [size, size],
            strides: [stride, stride],
            pads: [pad, pad, pad, pad],
          },
        },
      ],
      inputs: [{ name: "x" }, { name: "w" }],
      outputs: ["c"],
    });
    const inputs = {
      x: float32(x, byFormula("wide", 1, count(x))),
      w: float32(weights, byFormula("wide", 2, count(weights))),
    };
    if (!(await isAlike(model, inputs))) found.push(`convolution ${shape.join(" ")}`);
  }
  return found;
}

async function isAlike(model: Uint8Array, inputs: Tensors): Promise<boolean> {
  const [cuda, cpu] = await Promise.all(
    (["cuda", "auto"] as const).map(async (backend) => {
      const run = await Session.compile(model, shapesOf(inputs)).run(inputs, { backend });
      return run.digests.get("c")?.blake3;
    }),
  );
  return cuda !== undefined && cuda === cpu;
}

const shapesOf = (inputs: Tensors) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
