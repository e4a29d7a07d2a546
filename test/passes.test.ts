/** What the compiler does to make a program faster changes no bit: each pass left out in turn. */
import fc from "fast-check";
import t from "tap";
import { type Backend, float32, Session, type Tensor } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { compileModel, type Passes } from "../src/compute/tensor/compile.js";
import { byFormula, toBitText } from "./canonical-reference.js";
import { type NodeParts, writeModel } from "./onnx-writer.js";

const backends = capabilities({ probeCuda: false }).backends.filter((name) => name !== "cuda");
const columns = 37;
const rows = 45;

const unary = ["Neg", "Abs", "Relu", "Sqrt", "Floor", "Identity", "Reciprocal"];
const binary = ["Add", "Sub", "Mul", "Div", "Max", "Min"];

interface Step {
  readonly kind: number;
  readonly operator: number;
  readonly left: number;
  readonly right: number;
}

/** Chains of elementwise operators, products, sums along rows, and weights that go through both. */
function randomModel(steps: readonly Step[], wanted: number): Uint8Array {
  const names = ["x", "y", "bias", "row"];
  const early = ["w"];
  const nodes: NodeParts[] = [];
  const pick = (from: readonly string[], number: number) => from[number % from.length] as string;
  for (const [index, { kind, operator, left, right }] of steps.entries()) {
    const output = `t${index}`;
    const add = (name: string, inputs: string[]) =>
      nodes.push({ operator: name, inputs, outputs: [output] });
    if (kind < 3) add(pick(unary, operator), [pick(names, left)]);
    else if (kind < 7) {
      add(pick(binary, operator), [pick(names, left), pick([...names, "six"], right)]);
    } else if (kind === 7) add("Abs", [pick(early, left)]);
    else if (kind === 8) add("MatMul", [pick(names, left), pick(early, right)]);
    else {
      nodes.push({ operator: "ReduceMax", inputs: [pick(names, left)], outputs: [`r${index}`] });
      add("Sub", ["x", `r${index}`]);
    }
    (kind === 7 ? early : names).push(output);
  }
  // Everything that is computed is added up, so that little of it is dead, and then some is kept.
  const outputs = nodes.slice(-1 - (wanted % 3)).map((node) => node.outputs[0] as string);
  const weights = byFormula("unit", 5, columns * columns);
  return writeModel({
    nodes,
    inputs: [{ name: "x" }, { name: "y" }],
    outputs: [...new Set(outputs)],
    constants: [
      { name: "w", type: 1, dims: [columns, columns], raw: new Uint8Array(weights.buffer) },
      {
        name: "bias",
        type: 1,
        dims: [columns],
        raw: new Uint8Array(weights.buffer, 0, 4 * columns),
      },
      {
        name: "row",
        type: 1,
        dims: [1, columns],
        raw: new Uint8Array(weights.buffer, 4 * columns, 4 * columns),
      },
      { name: "six", type: 1, dims: [], raw: new Uint8Array(Float32Array.of(6).buffer) },
    ],
  });
}

async function bitsOf(
  model: Uint8Array,
  inputs: Record<string, Tensor>,
  passes: Passes,
  backend: Backend,
  pieces: number,
): Promise<string[]> {
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, shape]),
  );
  const session = Session.compile(model, shapes, { passes });
  const { outputs } = await session.run(inputs, { backend, pieces, digests: false });
  return [...outputs.values()].map(({ data }) => toBitText(data as Float32Array));
}

const off: Passes = { fuse: false, prelude: false, dead: false, epilogues: false, inPlace: false };
const each: readonly Passes[] = [
  {},
  ...Object.keys(off).map((pass): Passes => ({ [pass]: false })),
];

t.test("no pass changes a bit of random models, on any backend, in any pieces", async (t) => {
  const inputs = {
    x: float32([rows, columns], byFormula("unit", 11, rows * columns)),
    y: float32([rows, columns], byFormula("bits", 12, rows * columns)),
  };
  const number = fc.nat(1000);
  const step = fc.record({ kind: fc.nat(9), operator: number, left: number, right: number });
  const models = fc.tuple(fc.array(step, { minLength: 1, maxLength: 14 }), number);
  await fc.assert(
    fc.asyncProperty(models, async ([steps, wanted]) => {
      const model = randomModel(steps, wanted);
      const expected = (await bitsOf(model, inputs, off, "portable", 1)).join();
      for (const [index, passes] of each.entries()) {
        const backend = backends[index % backends.length] as Backend;
        const got = await bitsOf(model, inputs, passes, backend, 1 + (index % 3));
        if (got.join() !== expected) return false;
      }
      return true;
    }),
    { numRuns: 60, seed: 20261126 },
  );
  t.pass("60 models");
});

t.test("a chain of elementwise operators behind a product is one operator", (t) => {
  const nodes: NodeParts[] = [
    { operator: "MatMul", inputs: ["x", "w"], outputs: ["p"] },
    { operator: "Add", inputs: ["p", "bias"], outputs: ["s"] },
    { operator: "Relu", inputs: ["s"], outputs: ["r"] },
    { operator: "Mul", inputs: ["r", "x"], outputs: ["out"] },
  ];
  const raw = new Uint8Array(16 * 4);
  const constants = [
    { name: "w", type: 1, dims: [4, 4], raw },
    { name: "bias", type: 1, dims: [4], raw: raw.subarray(0, 16) },
  ];
  const model = writeModel({ nodes, inputs: [{ name: "x" }], outputs: ["out"], constants });
  const operators = (passes: Passes) => {
    const { program } = compileModel(model, { x: [8, 4] }, { passes });
    return new DataView(program.buffer).getUint32(16, true);
  };
  t.equal(operators({}), 2);
  t.equal(operators({ fuse: false }), 4);
  const { arenaBytes } = compileModel(model, { x: [8, 4] });
  t.equal(arenaBytes, 128, "the result lies where the product lay");
  t.equal(compileModel(model, { x: [8, 4] }, { passes: { inPlace: false } }).arenaBytes, 256);
  t.end();
});

t.test("an activation written out is one map, whatever it reads twice", async (t) => {
  const scalars = { three: 3, six: 6, zero: 0, gain: 1.5, shift: -0.25 };
  const step = (operator: string, inputs: string[], output: string): NodeParts => ({
    operator,
    inputs,
    outputs: [output],
  });
  const nodes = [
    step("MatMul", ["x", "w"], "product"),
    step("Add", ["product", "bias"], "before"),
    step("Add", ["before", "three"], "moved"),
    step("Clip", ["moved", "zero", "six"], "clipped"),
    step("Mul", ["before", "clipped"], "gated"),
    step("Div", ["gated", "six"], "swished"),
    step("Mul", ["gain", "swished"], "scaled"),
    step("Add", ["scaled", "shift"], "y"),
  ];
  const floats = (count: number, seed: number) =>
    new Uint8Array(byFormula("unit", seed, count).buffer);
  const model = writeModel({
    nodes,
    inputs: [{ name: "x" }],
    outputs: ["y"],
    constants: [
      { name: "w", type: 1, dims: [columns, columns], raw: floats(columns * columns, 1) },
      { name: "bias", type: 1, dims: [columns], raw: floats(columns, 2) },
      ...Object.entries(scalars).map(([name, value]) => ({
        name,
        type: 1,
        dims: [],
        raw: new Uint8Array(Float32Array.of(value).buffer),
      })),
    ],
  });
  const { measure } = compileModel(model, { x: [rows, columns] });
  t.same(
    [...measure.operators],
    [
      ["matmul", 1],
      ["map", 1],
    ],
  );
  const inputs = { x: float32([rows, columns], byFormula("wide", 3, rows * columns)) };
  const apart = await bitsOf(model, inputs, off, "portable", 1);
  for (const backend of backends) t.same(await bitsOf(model, inputs, {}, backend, 2), apart);
});

t.test("a batch of one: views of one tensor are told to be the same", async (t) => {
  const node = {
    operator: "BatchNormalization",
    inputs: ["x", "scale", "bias", "mean", "variance"],
    outputs: ["y"],
  };
  const model = writeModel({
    nodes: [node],
    inputs: node.inputs.map((name) => ({ name })),
    outputs: ["y"],
  });
  const four = (seed: number, shape: readonly number[] = [4]) =>
    float32(shape, byFormula("unit", seed, 4));
  const variance = float32([4], Float32Array.of(1, 2, 3, 4));
  const inputs = { x: four(1, [1, 4]), scale: four(2), bias: four(3), mean: four(4), variance };
  const apart = await bitsOf(model, inputs, off, "portable", 1);
  t.same(await bitsOf(model, inputs, {}, "portable", 1), apart);
});
