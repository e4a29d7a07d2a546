/** Functions that a model writes out in basic operators: which are recognised, which are not, with which bits. */
import t from "tap";
import { float32Bits } from "../src/base/float-bits.js";
import { float32, Session } from "../src/compute/engine/session.js";
import { importModel } from "../src/compute/tensor/compile.js";
import { lower } from "../src/compute/tensor/lower/lower.js";
import { angles } from "./canonical-angles.js";
import { type Elements, Words } from "./canonical-elements.js";
import { normalise } from "./canonical-reductions.js";
import { byFormula, canonical, toBitText } from "./canonical-reference.js";
import { type ConstantParts, int64Bytes, type NodeParts, writeModel } from "./onnx-writer.js";

const bytesOf = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
const single = (name: string, number: number, dims: readonly number[] = []): ConstantParts => {
  return { name, type: 1, dims, raw: bytesOf(number) };
};

const held: readonly ConstantParts[] = [
  single("half", 0.5),
  single("one", 1, [1]),
  single("root", Math.SQRT2),
  single("nearRoot", 1.4142134),
  single("wrongRoot", 1.4142133),
  single("inverse", Math.SQRT1_2),
  single("nearInverse", Math.SQRT1_2 - 6e-8),
  single("wrongInverse", Math.SQRT1_2 - 2e-7),
  { name: "halves", type: 1, dims: [2], raw: bytesOf(0.5, 0.5) },
  single("two", 2),
  { name: "twoWhole", type: 7, dims: [], raw: int64Bytes(2) },
  single("epsilon", 1e-3, [1]),
  { name: "scale", type: 1, dims: [5], raw: bytesOf(1, -2, 0.3, 4, 0.5) },
  { name: "bias", type: 1, dims: [5], raw: bytesOf(-1, 0.1, 3, 0, -0.5) },
  { name: "perRow", type: 1, dims: [4, 1], raw: bytesOf(0.1, 2, 3, -4) },
];

/** Nodes such as `y = Mul a b` and `m = ReduceMean[-1] x`. */
function nodesOf(text: string): NodeParts[] {
  return text.split("; ").map((line) => {
    const [output = "", , called = "", ...inputs] = line.split(" ");
    const [operator = "", axes] = called.split(/[[\]]/);
    const attributes = axes === undefined ? {} : { axes: axes.split(",").map(Number) };
    return { operator, inputs, outputs: [output], attributes };
  });
}

function written(text: string, outputs: readonly string[] = ["y"], more: NodeParts[] = []) {
  const nodes = [...more, ...nodesOf(text)];
  return writeModel({ nodes, inputs: [{ name: "x" }], outputs, constants: held });
}

/** The opcode of each operator, and of a map the functions. */
function operatorsOf(model: Uint8Array, shape: readonly number[]): string[] {
  const { operators } = lower(importModel(model), { x: shape });
  return operators.map((operator) =>
    operator.opcode === "map" ? operator.steps.map(({ name }) => name).join() : operator.opcode,
  );
}

async function outputOf(model: Uint8Array, shape: readonly number[], x: Float32Array<ArrayBuffer>) {
  const { outputs } = await Session.compile(model, { x: shape }).run({ x: float32(shape, x) });
  return outputs.get("y")?.data as Float32Array<ArrayBuffer>;
}

/** The largest distance, in units of what is allowed: 1e-5 + 1e-4 · the greatest size. */
function distance(a: Float32Array, b: Float32Array): number {
  const size = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = a.map((value, at) => Math.abs(value - (b[at] as number)));
  return apart.reduce((most, value) => Math.max(most, value), 0) / (1e-5 + 1e-4 * size);
}

const cumulative = "s = Div x root; e = Erf s; a = Add e one";

t.test("a GELU that is written out is one function", async (t) => {
  const forms = [
    `${cumulative}; p = Mul x a; y = Mul p half`,
    `${cumulative}; p = Mul a x; y = Mul half p`,
    `${cumulative}; p = Mul x half; y = Mul p a`,
    `${cumulative}; p = Mul a half; y = Mul x p`,
    "h = Mul half x; s = Mul x inverse; e = Erf s; a = Add one e; y = Mul a h",
    "s = Mul nearInverse x; e = Erf s; a = Add e one; p = Mul half a; y = Mul p x",
    "s = Div x nearRoot; e = Erf s; a = Add one e; p = Mul half a; y = Mul p x",
  ];
  const x = canonical(byFormula("bits", 8, 300));
  x.set(byFormula("unit", 9, 200).map((value) => value * 6));
  const expected = toBitText(canonical(x.map(angles.gelu)));
  for (const form of forms) {
    t.same(operatorsOf(written(form), [3, 100]), ["gelu_f32"], form);
    t.equal(toBitText(await outputOf(written(form), [3, 100], x)), expected, form);
  }
  const of = (name: string, value: NodeParts["attributes"]) => {
    return { operator: "Constant", inputs: [], outputs: [name], attributes: value ?? {} };
  };
  const constants = [
    of("k", { value: { tensor: single("", 0.5) } }),
    of("l", { value_float: { float: 1 } }),
  ];
  const byNodes = "s = Div x root; e = Erf s; a = Add e l; p = Mul x a; y = Mul p k";
  t.same(operatorsOf(written(byNodes, ["y"], constants), [4]), ["gelu_f32"]);
  const twice = `${cumulative}; p = Mul x a; z = Mul p half; b = Div z root; c = Erf b; d = Add c one; q = Mul z d; y = Mul q half`;
  t.same(operatorsOf(written(twice, ["y", "z"]), [4]), ["gelu_f32", "gelu_f32"]);
});

t.test("what is nearly a GELU stays what it is", async (t) => {
  const usual = `${cumulative}; p = Mul x a; y = Mul p half`;
  const nearly: readonly (readonly [string, (readonly string[])?])[] = [
    [usual, ["y", "e"]],
    [`${usual}; z = Neg p`, ["y", "z"]],
    [usual.replace("Div x root", "Div x wrongRoot")],
    [usual.replace("Div x root", "Mul x wrongInverse")],
    [usual.replace("Div x root", "Div root x")],
    [usual.replace("Add e one", "Add e half")],
    [usual.replace("Mul p half", "Mul p one")],
    [usual.replace("Mul p half", "Mul p halves")],
    [
      usual
        .replace("Div x root", "Div p x")
        .replace("s =", "p = Neg x; s =")
        .replace("p = Mul", "q = Mul")
        .replace("Mul p half", "Mul q half"),
    ],
    [usual.replace("Mul x a", "Mul e a")],
    [usual.replace("Mul p half", "Sub p half")],
  ];
  const x = byFormula("unit", 10, 40).map((value) => value * 4);
  const gelu = await outputOf(written(usual), [20, 2], x);
  for (const [text, outputs] of nearly) {
    const model = written(text, outputs);
    t.notOk(operatorsOf(model, [20, 2]).includes("gelu_f32"), text);
    const other = await outputOf(model, [20, 2], x);
    if (text.startsWith(usual)) t.ok(distance(other, gelu) < 1, "close all the same");
  }
  t.same(operatorsOf(written(usual), []).length, 5, "x without axes takes one from a constant");
  const inputs = [{ name: "x", type: 10 }];
  const halves = writeModel({ nodes: nodesOf(usual), inputs, outputs: ["y"], constants: held });
  t.notMatch(operatorsOf(halves, [4]).join(), "gelu_f32", "x is binary32");
});

const deviation = "m = ReduceMean[-1] x; d = Sub x m; s = Pow d two; v = ReduceMean[-1] s";
const normalised = `${deviation}; e = Add v epsilon; r = Sqrt e; q = Div d r`;
const affine = `${normalised}; t = Mul q scale; y = Add t bias`;

/** By the definition, rows of so many elements. */
function normalisedExact(x: Float32Array, length: number, scale?: number[], bias?: number[]) {
  const rows = x.length / length;
  const elements = (values: readonly number[]): Elements => ({ dtype: "float32", values });
  const none = new Array<number>(length).fill(-0);
  const words = [rows, length, float32Bits(1e-3), scale === undefined ? 0 : 1, length];
  const operands = [elements([...x]), elements(scale ?? none), elements(bias ?? none)];
  const [result] = normalise(new Words(words), operands);
  return Float32Array.from(result?.values as number[]);
}

t.test("a layer normalisation that is written out is one operator", async (t) => {
  const [scale, bias] = [
    [1, -2, 0.3, 4, 0.5],
    [-1, 0.1, 3, 0, -0.5],
  ].map((numbers) => [...Float32Array.from(numbers)]);
  const x = byFormula("unit", 11, 40);
  const whole = toBitText(normalisedExact(x, 5, scale, bias));
  const forms = [
    affine,
    affine.replace("Pow d two", "Pow d twoWhole"),
    affine.replace("Pow d two", "Mul d d"),
    affine.replace("Div d r", "Mul i d").replace("q =", "i = Reciprocal r; q ="),
    affine.replace("Add v epsilon", "Add epsilon v"),
    affine.replace("Mul q scale", "Mul scale q").replace("Add t bias", "Add bias t"),
    affine.replaceAll("[-1]", "[2]"),
  ];
  for (const form of forms) {
    t.same(operatorsOf(written(form), [2, 4, 5]), ["normalise"], form);
    t.equal(toBitText(await outputOf(written(form), [2, 4, 5], x)), whole, form);
  }
  const bare = normalised.replace("q =", "y =");
  const scaled = affine.replace("t =", "y =").replace(/; y = Add.*/, "");
  const plane = bare.replaceAll("[-1]", "[-1,1]");
  for (const [form, expected] of [
    [bare, normalisedExact(x, 5)],
    [scaled, normalisedExact(x, 5, scale)],
    [plane, normalisedExact(x, 20)],
  ] as const) {
    t.same(operatorsOf(written(form), [2, 4, 5]), ["normalise"], form);
    t.equal(toBitText(await outputOf(written(form), [2, 4, 5], x)), toBitText(expected), form);
  }
  const apart: [string, string[], string[]][] = [
    [affine.replace("scale", "perRow"), ["y"], ["normalise", "multiply_f32,add_f32"]],
    [affine, ["y", "q"], ["normalise", "multiply_f32", "add_f32"]],
    [affine, ["y", "t"], ["normalise", "add_f32"]],
    [`${normalised}; y = Mul q q`, ["y"], ["normalise", "multiply_f32"]],
    [`${normalised}; y = Add q bias`, ["y"], ["normalise", "add_f32"]],
  ];
  const second = normalised.replaceAll(/\b([mdsverq])\b/g, "$12");
  apart.push([
    `${normalised}; ${second}; y = Add q q2`,
    ["y"],
    ["normalise", "normalise", "add_f32"],
  ]);
  for (const [text, outputs, operators] of apart) {
    t.same(operatorsOf(written(text, outputs), [2, 4, 5]), operators, text);
  }
});

t.test("what is nearly a layer normalisation stays what it is", async (t) => {
  const nearly: readonly (readonly [string, (readonly string[])?])[] = [
    [affine, ["y", "m"]],
    [affine, ["y", "v"]],
    [`${affine}; z = Neg d`, ["y", "z"]],
    [affine.replaceAll("[-1]", "[1]").replaceAll(/scale|bias/g, "one")],
    [affine.replaceAll("[-1]", "[0,2]").replaceAll(/scale|bias/g, "one")],
    [affine.replace("[-1] s", "[2] s")],
    [affine.replaceAll("ReduceMean[-1]", "ReduceMean")],
    [affine.replace("Pow d two", "Pow d half")],
    [affine.replace("Pow d two", "Mul d x")],
    [affine.replace("Add v epsilon", "Add v m")],
    [affine.replace("Sub x m", "Sub m x")],
    [affine.replace("Div d r", "Div r d")],
    [affine.replace("Div d r", "Div x r")],
    [affine.replace("Sqrt e", "Exp e")],
    [`${normalised}; t = Mul q scale; y = Add t m`],
    [`${normalised}; y = Mul q d`],
  ];
  const x = byFormula("unit", 12, 40);
  const one = await outputOf(written(affine), [2, 4, 5], x);
  for (const [text, outputs] of nearly) {
    const model = written(text, outputs);
    t.notOk(operatorsOf(model, [2, 4, 5]).includes("normalise"), text);
    const other = await outputOf(model, [2, 4, 5], x);
    if (text.startsWith(affine)) t.ok(distance(other, one) < 1, "close all the same");
  }
  t.throws(() => operatorsOf(written(normalised, ["q"]), []), {
    code: "MODEL_INVALID",
    message: /\(ReduceMean\) names axis -1/,
  });
  t.throws(() => operatorsOf(written(affine), [2, 4]), {
    code: "SHAPE_MISMATCH",
    message: /written out\) cannot combine x \[2, 4\] and scale \[5\]/,
  });
});

t.test("graphs within nodes are looked at by themselves", async (t) => {
  const usual = `${cumulative}; p = Mul x a; y = Mul p half`;
  const choice = (text: string, output: string, ...before: NodeParts[]) => {
    const inner = text.replaceAll("y", "i").replaceAll("p", "q");
    const graphs = {
      then_branch: { nodes: nodesOf(inner), outputs: ["i"] },
      else_branch: { nodes: nodesOf("n = Neg x"), outputs: ["n"] },
    };
    const nodes = [...before, { operator: "If", inputs: ["c"], outputs: [output], graphs }];
    const inputs = [{ name: "x" }, { name: "c", type: 9 }];
    const model = importModel(writeModel({ nodes, inputs, outputs: ["y"], constants: held }));
    const c = { dtype: "bool" as const, shape: [], bytes: Uint8Array.of(1) };
    return lower(model, { x: [4], c }).operators.length;
  };
  t.equal(choice(usual, "y"), 1, "constants of the graph around it are known");
  const readWithin = choice("y = Neg e", "z", ...nodesOf(usual));
  t.equal(readWithin, 6, "what a graph within a node reads is read");
});
