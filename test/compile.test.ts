import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import { float32, OwnedBytes, Session, type Tensor } from "../src/compute/engine/session.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { compileModel } from "../src/compute/tensor/compile.js";
import {
  int64Bytes,
  integerField,
  messageField,
  type NodeParts,
  operatorModel,
  topKModel,
  writeModel,
} from "./onnx-writer.js";

t.test("a program that was cut or changed is refused or harmless", async (t) => {
  const model = writeModel({
    nodes: [
      { operator: "MatMul", inputs: ["a", "b"], outputs: ["c"] },
      { operator: "Add", inputs: ["c", "bias"], outputs: ["d"] },
      { operator: "TopK", inputs: ["d", "k"], outputs: ["v", "i"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["v", "i"],
    constants: [
      { name: "bias", type: 1, dims: [5], raw: new Uint8Array(20) },
      { name: "k", type: 7, dims: [1], raw: int64Bytes(2) },
    ],
  });
  const { program, inputs } = compileModel(model, { a: [3, 4], b: [4, 5] });
  const memory = 1 << 20;
  const lend = () =>
    [inputs.length === 2 ? 48 : 0, 80].map((size) => OwnedBytes.copyOf(new Uint8Array(size)));
  const results = () => [new Uint8Array(24), new Uint8Array(48)];
  await new NativeProgram(program, memory).run(lend(), results(), "portable", 1);
  for (let length = 0; length < program.length; length += 1) {
    const cut = program.subarray(0, length);
    if (!refuses(() => new NativeProgram(cut, memory))) t.fail(`opened ${length} bytes of it`);
  }
  const random = seededRandom(7);
  let survived = 0;
  for (let round = 0; round < 4000; round += 1) {
    const bytes = program.slice();
    const dice = new DataView(random.bytes(16).buffer);
    for (let change = 0; change <= dice.getUint8(0) % 3; change += 1) {
      const at = dice.getUint32(4 + change * 4) % program.length;
      bytes[at] = [0, 1, 0xff, 0x80, dice.getUint8(1)][dice.getUint8(2 + change) % 5] as number;
    }
    try {
      await new NativeProgram(bytes, memory).run(lend(), results(), "auto", 2);
      survived += 1;
    } catch (error) {
      if (!(error instanceof QuipuError) || error.code === "INTERNAL") throw error;
    }
  }
  t.ok(survived > 0 && survived < 4000, `${survived} of 4000 changed programs still ran`);
  t.throws(() => new NativeProgram(program, 64), { code: "LIMIT_EXCEEDED" });
});

/** Throws what is no refusal by code; false when `open` succeeded. */
function refuses(open: () => unknown): boolean {
  try {
    open();
    return false;
  } catch (error) {
    if (error instanceof QuipuError && error.kind === "terminal") return true;
    throw error;
  }
}

t.test("a truth value is 0 or 1, in a model and among its inputs", async (t) => {
  const raw = Uint8Array.of(1, 2);
  const not = (name: string) => ({ operator: "Not", inputs: [name], outputs: ["c"] });
  const held = { name: "a", type: 9, dims: [2], raw };
  const fixed = writeModel({ nodes: [not("a")], inputs: [], outputs: ["c"], constants: [held] });
  const message = /has 2 where a bool is 0 or 1/;
  t.throws(() => compileModel(fixed, {}), { code: "MODEL_INVALID", message });
  const open = writeModel({ nodes: [not("a")], inputs: [{ name: "a", type: 9 }], outputs: ["c"] });
  const a: Tensor = { dtype: "bool", shape: [2], data: raw };
  t.throws(() => Session.compile(open, { a }), { code: "DATA_INVALID", message });
  const session = Session.compile(open, { a: [2] });
  await t.rejects(session.run({ a }), { code: "DATA_INVALID", message });
});

t.test("models that cannot be compiled say why", async (t) => {
  const two = [{ name: "a" }, { name: "b" }];
  const shapes = { a: [2, 3], b: [3, 4] };
  const compile =
    (model: Uint8Array, given: Record<string, number[]> = shapes) =>
    () =>
      compileModel(model, given);
  const graph = (nodes: NodeParts[], more = {}) =>
    writeModel({ nodes, inputs: two, outputs: ["c"], ...more });
  const add: NodeParts = { operator: "Add", inputs: ["a", "b"], outputs: ["c"] };

  const foreign = graph([
    { ...add, operator: "Sorcery", name: "soft" },
    { ...add, operator: "Add", domain: "com.example" },
  ]);
  t.throws(compile(foreign), {
    code: "MODEL_UNSUPPORTED",
    message:
      "the model needs what cannot be compiled: Sorcery, com.example.Add (first at node soft)",
  });
  t.throws(compile(graph([add], { opset: 0 })), { code: "MODEL_UNSUPPORTED" });
  t.throws(compile(graph([add], { opset: 21 })), { code: "MODEL_UNSUPPORTED" });
  t.throws(compile(graph([add], { inputs: [{ name: "a", type: 11 }, { name: "b" }] })), {
    code: "MODEL_UNSUPPORTED",
    message: /tensor a has element type 11/,
  });
  t.throws(compile(graph([add])), {
    code: "SHAPE_MISMATCH",
    message: "node Add #0 (Add) cannot combine a [2, 3] and b [3, 4]: shapes do not broadcast",
  });
  t.throws(compile(operatorModel("MatMul"), { a: [2, 4], b: [3, 4] }), { code: "SHAPE_MISMATCH" });
  t.throws(compile(operatorModel("MatMul"), { a: [], b: [3, 4] }), { code: "SHAPE_MISMATCH" });
  t.throws(compile(topKModel(4, true), { rows: [2, 3] }), { code: "SHAPE_MISMATCH" });
  t.throws(compile(topKModel(-1, true), { rows: [2, 3] }), { code: "SHAPE_MISMATCH" });
  t.throws(compile(operatorModel("Add"), { a: [1] }), {
    code: "SHAPE_MISMATCH",
    message: /input b is not given/,
  });
  t.throws(compile(operatorModel("Add"), { a: [1], b: [1], x: [1] }), {
    code: "SHAPE_MISMATCH",
    message: /no input named x/,
  });
  t.throws(compile(operatorModel("Add"), { a: [2 ** 30, 2 ** 30], b: [1] }), {
    code: "LIMIT_EXCEEDED",
  });
  t.throws(compile(operatorModel("Add"), { a: [2 ** 20, 1], b: [1, 2 ** 20] }), {
    code: "LIMIT_EXCEEDED",
  });
  const bound = writeModel({
    nodes: [add],
    inputs: [
      { name: "a", axes: ["rows", 4] },
      { name: "b", axes: ["rows", undefined] },
    ],
    outputs: ["c"],
  });
  compileModel(bound, { a: [7, 4], b: [7, 4] });
  t.throws(compile(bound, { a: [7, 4], b: [6, 4] }), { message: /rows is 7 in a/ });
  t.throws(compile(bound, { a: [7, 5], b: [7, 5] }), {
    message: /input a has the shape \[7, 5\]; the model wants \[rows, 4\]/,
  });

  const order: NodeParts = { ...add, inputs: ["a", "later"], outputs: ["c"] };
  t.throws(compile(graph([order])), { code: "MODEL_INVALID", message: /reads later/ });
  t.throws(compile(graph([add, add])), { code: "MODEL_INVALID", message: /two tensors named c/ });
  t.throws(compile(graph([{ ...add, inputs: ["a"] }])), { code: "MODEL_INVALID" });
  t.throws(compile(writeModel({ nodes: [add], inputs: two, outputs: ["z"] })), {
    code: "MODEL_INVALID",
  });
  t.throws(compile(writeModel({ nodes: [add], inputs: two, outputs: [] })), {
    code: "MODEL_INVALID",
  });
  const short = { name: "b", type: 1, dims: [3], raw: new Uint8Array(8) };
  t.throws(compile(graph([add], { constants: [short] })), {
    code: "MODEL_INVALID",
    message: /8 bytes for 3 elements/,
  });
  const negative = { name: "b", type: 1, dims: [-1], raw: new Uint8Array(4) };
  t.throws(compile(graph([add], { constants: [negative] })), {
    code: "MODEL_INVALID",
    message: /impossible shape/,
  });
  t.throws(compile(new Uint8Array(0)), { code: "MODEL_INVALID" });
  t.throws(compile(messageField(7, integerField(1, 1))), { code: "MODEL_INVALID" });
});

t.test("floats that lie one by one are read, and the fields of a file are bounded", async (t) => {
  const model = (dims: readonly number[], fields: Uint8Array, type = 1): Uint8Array =>
    writeModel({
      nodes: [{ operator: "Add", inputs: ["a", "b"], outputs: ["c"] }],
      inputs: [{ name: "a" }],
      outputs: ["c"],
      constants: [{ name: "b", type, dims, fields }],
    });
  const count = 200_000;
  const floats = new Uint8Array(count * 5);
  for (let at = 0; at < floats.length; at += 5) floats.set([(4 << 3) | 5, 0, 0, 0xc0, 0x3f], at);
  const session = Session.compile(model([count], floats), { a: [1] });
  const { outputs } = await session.run(
    { a: float32([1], Float32Array.of(1)) },
    { digests: false },
  );
  const c = outputs.get("c");
  t.ok(c?.dtype === "float32" && c.data.length === count && c.data.every((sum) => sum === 2.5));
  const tooMany: readonly Uint8Array[] = [
    messageField(7, new Uint8Array(3_000_000)), // packed integers
    messageField(1, new Uint8Array(3_000_000)), // sizes of axes
    new Uint8Array(6_000_000).map((_, at) => (at % 2 === 0 ? 7 << 3 : 0)), // integers one by one
  ];
  for (const fields of tooMany) {
    const compile = () => compileModel(model([1], fields, 7), { a: [1] });
    t.throws(compile, { code: "LIMIT_EXCEEDED" });
  }
  const axes = messageField(1, new Uint8Array(200_000));
  t.throws(() => compileModel(model([], axes), { a: [1] }), { code: "MODEL_INVALID" });
});

t.test("a model that was cut or changed is compiled or refused by code", async (t) => {
  const nodes = [
    { operator: "Add", inputs: ["a", "b"], outputs: ["c"] },
    { operator: "Mul", inputs: ["c", "c"], outputs: ["d"] },
  ];
  const whole = writeModel({ nodes, inputs: [{ name: "a" }, { name: "b" }], outputs: ["c"] });
  const random = seededRandom(3);
  for (let round = 0; round < 3000; round += 1) {
    const bytes = round < whole.length ? whole.slice(0, round) : whole.slice();
    const [at = 0, value = 0] = new Uint32Array(random.bytes(8).buffer);
    if (round >= whole.length) bytes[at % bytes.length] = value;
    try {
      compileModel(bytes, { a: [2, 2], b: [2, 2] });
    } catch (error) {
      if (!(error instanceof QuipuError) || error.kind !== "terminal") throw error;
    }
  }
  t.pass("3000 of them");
});
