/** Graphs within nodes: which names they see, which are compiled, and how often. */
import t from "tap";
import type { Given } from "../src/compute/tensor/lower/bind.js";
import { type Lowered, lower } from "../src/compute/tensor/lower/lower.js";
import { rules } from "../src/compute/tensor/lower/rules.js";
import { importOnnx } from "../src/compute/tensor/onnx/import.js";
import { failure } from "./failure.js";
import { type GraphParts, int64Bytes, type NodeParts, writeModel } from "./onnx-writer.js";

function compiled(nodes: readonly NodeParts[], condition: number, given: Given): Lowered {
  const inputs = [{ name: "x" }, { name: "c", type: condition }];
  const model = writeModel({ nodes, inputs, outputs: ["y"] });
  return lower(
    importOnnx(model, (name) => rules.has(name)),
    given,
  );
}

async function refused(...what: Parameters<typeof compiled>) {
  const { code, message, details } = await failure(Promise.resolve().then(() => compiled(...what)));
  return { text: `${code} ${message}`, details };
}

function branch(...operators: string[]): GraphParts {
  const names = operators.map((_, index) => `inner${index}`);
  return {
    nodes: operators.map((operator, index) => ({
      operator,
      inputs: [index === 0 ? "x" : (names[index - 1] as string)],
      outputs: [names[index] as string],
    })),
    outputs: [names.at(-1) ?? "x"],
  };
}

function choice(first: GraphParts, second: GraphParts): NodeParts {
  const graphs = { then_branch: first, else_branch: second };
  return { operator: "If", inputs: ["c"], outputs: ["y"], graphs };
}

const [truth, yes] = [9, { dtype: "bool" as const, shape: [], bytes: Uint8Array.of(1) }];
const stepsOf = ({ operators }: Lowered) =>
  operators.flatMap((of) => (of.opcode === "map" ? of.steps.map(({ name }) => name) : []));

t.test("a known condition leaves one branch", async (t) => {
  const node = choice(branch("Exp", "Neg"), branch("Abs"));
  t.same(stepsOf(compiled([node], truth, { x: [2], c: yes })), ["exp_f32", "negate_f32"]);
  const no = { ...yes, bytes: Uint8Array.of(0) };
  t.same(stepsOf(compiled([node], truth, { x: [2], c: no })), ["absolute_f32"]);
  const same = choice(branch(), branch("Abs"));
  t.same(stepsOf(compiled([same], truth, { x: [2], c: yes })), []);
});

t.test("a switch among the inputs is asked for", async (t) => {
  const node = choice(branch("Exp"), branch("Abs"));
  const { text, details } = await refused([node], truth, { x: [2], c: [] });
  t.match(text, /^MODEL_UNSUPPORTED .*depends on c/);
  t.same(details.bind, ["c"]);
});

t.test("a condition that data decide computes both branches", async (t) => {
  const decided: NodeParts = { operator: "IsNaN", inputs: ["c"], outputs: ["d"] };
  const deciding = (first: GraphParts, second: GraphParts) => [
    decided,
    { ...choice(first, second), inputs: ["d"] },
  ];
  const both = compiled(deciding(branch("Exp"), branch("Abs")), 1, { x: [2, 3], c: [] });
  t.same(stepsOf(both), ["is_nan_f32", "exp_f32", "absolute_f32", "select_f32"]);
  t.same(both.outputs.get("y")?.shape, [2, 3]);
  const unlike = deciding(branch("Transpose"), branch("Abs"));
  const { text, details } = await refused(unlike, 1, { x: [2, 3], c: [] });
  t.match(text, /^MODEL_UNSUPPORTED .*different shapes/);
  t.same(details.bind, ["c"]);
});

t.test("names within a graph are its own, and those around it are seen", async (t) => {
  const exp: NodeParts = { operator: "Exp", inputs: ["x"], outputs: ["e"] };
  const inner: GraphParts = {
    nodes: [choice(branch("Abs"), branch("Neg"))].map((node) => ({ ...node, outputs: ["deep"] })),
    outputs: ["deep"],
  };
  const outer = choice(inner, { nodes: [], outputs: ["e"] });
  const given: Given = { x: [2], c: yes };
  t.same(stepsOf(compiled([exp, outer], truth, given)), ["exp_f32", "absolute_f32"]);
  const later: NodeParts = { operator: "Abs", inputs: ["inner0"], outputs: ["z"] };
  const escaped = await refused([choice(branch("Exp"), branch("Abs")), later], truth, given);
  t.match(escaped.text, /^MODEL_INVALID .*reads inner0/);
  const shadow: GraphParts = { nodes: [exp], outputs: ["e"] };
  const hidden = await refused([exp, choice(shadow, branch("Abs"))], truth, given);
  t.match(hidden.text, /^MODEL_INVALID .*two tensors named e/);
});

t.test("what a graph within a node needs counts as the model's need", async (t) => {
  const given: Given = { x: [2], c: yes };
  const unknown = await refused([choice(branch("Exp"), branch("Whirl"))], truth, given);
  t.match(unknown.text, /^MODEL_UNSUPPORTED .*cannot be compiled: Whirl/);
  const half = { ...choice(branch("Exp"), branch("Abs")), graphs: { then_branch: branch("Exp") } };
  const no = { x: [2], c: { ...yes, bytes: Uint8Array.of(0) } };
  t.match((await refused([half], truth, no)).text, /^MODEL_INVALID .*no graph else_branch/);
  let deep = branch("Exp");
  for (let depth = 0; depth < 40; depth += 1) {
    const outputs = [`deep${depth}`];
    deep = { nodes: [{ ...choice(deep, branch("Abs")), outputs }], outputs };
  }
  t.match((await refused([choice(deep, branch())], truth, given)).text, /one inside the other/);
});

/** Doubles what it carries, and gives out what it was. */
const doubling: GraphParts = {
  nodes: [
    { operator: "Add", inputs: ["v", "v"], outputs: ["twice"] },
    { operator: "Identity", inputs: ["v"], outputs: ["was"] },
    { operator: "Identity", inputs: ["on"], outputs: ["goOn"] },
  ],
  inputs: [{ name: "round", type: 7 }, { name: "on", type: 9 }, { name: "v" }],
  outputs: ["goOn", "twice", "was"],
};

t.test("a loop is as many rounds", async (t) => {
  const node: NodeParts = {
    operator: "Loop",
    inputs: ["c", "", "x"],
    outputs: ["last", "y"],
    graphs: { body: doubling },
  };
  const count = (of: number) => ({ dtype: "int64" as const, shape: [], bytes: int64Bytes(of) });
  const three = compiled([node], 7, { x: [2], c: count(3) });
  t.same(stepsOf(three), ["add_f32", "add_f32", "add_f32"]);
  t.same(three.outputs.get("y")?.shape, [3, 2]);
  const open = await refused([node], 7, { x: [2], c: [] });
  t.match(open.text, /^MODEL_UNSUPPORTED .*depends on c/);
  t.match((await refused([node], 7, { x: [2], c: count(0) })).text, /no round at all/);
  const endless = { ...node, inputs: ["", "", "x"] };
  t.match((await refused([endless], 7, { x: [2], c: [] })).text, /more (than 16384|operators)/);
  const few = { ...node, graphs: { body: { ...doubling, outputs: ["goOn"] } } };
  t.match((await refused([few], 7, { x: [2], c: count(1) })).text, /too few tensors/);
});

t.test("a scan sees one element a round", async (t) => {
  const body: GraphParts = {
    nodes: [{ operator: "Add", inputs: ["total", "element"], outputs: ["sum"] }],
    inputs: [{ name: "total" }, { name: "element" }],
    outputs: ["sum", "sum"],
  };
  const node: NodeParts = {
    operator: "Scan",
    inputs: ["c", "x"],
    outputs: ["last", "y"],
    attributes: { num_scan_inputs: 1 },
    graphs: { body },
  };
  const scanned = compiled([node], 1, { x: [4, 3], c: [3] });
  t.same(scanned.outputs.get("y")?.shape, [4, 3]);
  t.same(stepsOf(scanned), new Array(4).fill("add_f32"));
  const wrong = { ...node, graphs: { body: { ...body, inputs: [{ name: "total" }] } } };
  t.match((await refused([wrong], 1, { x: [4, 3], c: [3] })).text, /^MODEL_INVALID/);
});
