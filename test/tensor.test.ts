/** The tensor compiler and the arithmetic: every backend against the golden vectors, and bad input. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import {
  type Backend,
  float32,
  OwnedBytes,
  Session,
  type Tensor,
} from "../src/compute/engine/session.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { compileModel } from "../src/compute/tensor/compile.js";
import { compute, differences } from "./canonical-check.js";
import { byFormula, matmulExact, toBitText } from "./canonical-reference.js";
import { makeVectors, readVectors } from "./canonical-vectors.js";
import {
  int64Bytes,
  integerField,
  messageField,
  type NodeParts,
  operatorModel,
  topKModel,
  writeModel,
} from "./onnx-writer.js";

const known: readonly Backend[] = ["portable", "avx2", "avx512"];
const usable = capabilities({ probeCuda: false }).backends;
const backends = known.filter((name) => name !== "auto" && usable.includes(name));

t.test("golden vectors are what the second implementation computes", async (t) => {
  t.same(readVectors(), makeVectors());
});

for (const backend of known) {
  const skip = backends.includes(backend) ? false : `this processor cannot run ${backend}`;
  t.test(`${backend} gives the golden bits, whole and in pieces`, { skip }, async (t) => {
    for (const pieces of [0, 1, 2, 3, 7]) {
      t.same(await differences(readVectors(), backend, pieces), [], `${pieces} pieces`);
    }
  });
}

const noFlush =
  process.arch === "x64" && spawnSync("cc", ["--version"]).status === 0
    ? false
    : "no C compiler for x86-64";
t.test("a host program that flushes subnormals changes no bit", { skip: noFlush }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const source = join(folder, "flush.c");
  const library = join(folder, "flush.so");
  const body = "__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);"; // to zero, both ways
  writeFileSync(source, `__attribute__((constructor)) static void flush(void) { ${body} }\n`);
  execFileSync("cc", ["-shared", "-fPIC", "-o", library, source]);
  const here = (name: string): string => new URL(name, import.meta.url).href;
  const program = `import { differences } from "${here("./canonical-check.js")}";
    import { operatorDifferences } from "${here("./canonical-programs.js")}";
    import { readOperatorVectors, readVectors } from "${here("./canonical-vectors.js")}";
    console.log(Math.fround(Number("1e-40")));
    for (const backend of ${JSON.stringify(backends)})
      for (const pieces of [1, 7])
        for (const line of [
          ...(await differences(readVectors(), backend, pieces)),
          ...(await operatorDifferences(readOperatorVectors(), backend, pieces)),
        ]) console.log(line);`;
  const preload = `${process.env.LD_PRELOAD ?? ""} ${library}`; // after a sanitizer, where one runs
  const told = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, LD_PRELOAD: preload, QUIPU_THREADS: "4" },
    encoding: "utf8",
  });
  t.equal(told, "0\n", "JavaScript's own subnormals are gone, the kernels' are not");
  t.end();
});

const shape = fc.record({
  m: fc.integer({ min: 1, max: 45 }),
  n: fc.integer({ min: 1, max: 70 }),
  k: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 250, max: 520 })),
  seed: fc.integer(),
  formula: fc.constantFrom("unit" as const, "wide" as const, "bits" as const),
  pieces: fc.integer({ min: 0, max: 5 }),
});

async function product(
  backend: Backend,
  pieces: number,
  m: number,
  n: number,
  k: number,
  a: Float32Array<ArrayBuffer>,
  b: Float32Array<ArrayBuffer>,
) {
  const inputs = { a: float32([m, k], a), b: float32([k, n], b) };
  const c = (await compute(operatorModel("MatMul"), backend, pieces, inputs)).get("c");
  return c?.dtype === "float32" ? toBitText(c.data) : "";
}

t.test("matmul of any shape has the bits of the definition on every backend", async (t) => {
  const small = shape.filter(({ m, n, k }) => m * n * k < 20_000);
  await fc.assert(
    fc.asyncProperty(small, async ({ m, n, k, seed, formula, pieces }) => {
      const a = byFormula(formula, seed, m * k);
      const b = byFormula(formula, seed + 1, k * n);
      const wanted = toBitText(matmulExact(a, b, m, n, k));
      for (const backend of backends) {
        if ((await product(backend, pieces, m, n, k, a, b)) !== wanted) return false;
      }
      return true;
    }),
    { numRuns: 25 },
  );
  await fc.assert(
    fc.asyncProperty(shape, async ({ m, n, k, seed, formula, pieces }) => {
      const [rows, columns] = [m * 9, n * 17];
      const a = byFormula(formula, seed, rows * k);
      const b = byFormula(formula, seed + 1, k * columns);
      const bits = await Promise.all(
        backends.map((backend) => product(backend, pieces, rows, columns, k, a, b)),
      );
      return bits.every((text) => text === bits[0]);
    }),
    { numRuns: 8 },
  );
  t.pass("over random shapes, values and pieces");
});

t.test("axes broadcast in Add, Mul and in front of a MatMul", async (t) => {
  const a = float32([2, 1, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  const b = float32([4, 1], Float32Array.of(10, 20, 30, 40));
  const left = float32([2, 1, 2, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const right = float32([3, 2, 1], Float32Array.of(1, 0, 0, 1, 1, 1));
  for (const backend of backends) {
    for (const pieces of [1, 3]) {
      const sum = (await compute(operatorModel("Add"), backend, pieces, { a, b })).get("c");
      t.same(sum?.shape, [2, 4, 3]);
      const row = [11, 12, 13, 21, 22, 23, 31, 32, 33, 41, 42, 43];
      t.same([...(sum?.data ?? [])], [...row, ...row.map((x) => x + 3)]);
      const c = (
        await compute(operatorModel("MatMul"), backend, pieces, { a: left, b: right })
      ).get("c");
      t.same(c?.shape, [2, 3, 2, 1]);
      t.same([...(c?.data ?? [])], [1, 3, 2, 4, 3, 7, 5, 7, 6, 8, 11, 15]);
    }
  }
});

/** A random chain of Add and Mul over a few tensors: what the memory plan must not mix up. */
function randomNodes(seed: number): NodeParts[] {
  const bytes = seededRandom(seed).bytes(300);
  const names = ["a", "b"];
  return Array.from({ length: 40 }, (_, i) => {
    const pick = (at: number): string => names[(bytes[at] as number) % names.length] as string;
    const inputs = [pick(i * 3), pick(i * 3 + 1)];
    const name = `t${i}`;
    names.push(name);
    if (names.length > 6) names.splice((bytes[i * 3 + 2] as number) % names.length, 1);
    return { operator: (bytes[i] as number) % 2 ? "Add" : "Mul", inputs, outputs: [name] };
  });
}

t.test("tensors that share memory never disturb each other", async (t) => {
  const a = byFormula("unit", 1, 37);
  const b = byFormula("unit", 2, 37);
  for (let seed = 0; seed < 25; seed += 1) {
    const nodes = randomNodes(seed);
    const values = new Map([
      ["a", a],
      ["b", b],
    ]);
    for (const { operator, inputs, outputs } of nodes) {
      const [x, y] = inputs.map((name) => values.get(name)) as [Float32Array, Float32Array];
      const op =
        operator === "Add" ? (p: number, q: number) => p + q : (p: number, q: number) => p * q;
      values.set(
        outputs[0] as string,
        Float32Array.from(x, (p, i) => op(p, y[i] as number)),
      );
    }
    const outputs = ["t39", "t20", "t39"];
    const model = writeModel({ nodes, inputs: [{ name: "a" }, { name: "b" }], outputs });
    const inputs = { a: float32([37], a), b: float32([37], b) };
    const got = await compute(model, "portable", 1, inputs);
    const differs = outputs.filter(
      (name) =>
        toBitText(got.get(name)?.data as Float32Array) !==
        toBitText(values.get(name) as Float32Array),
    );
    if (differs.length > 0) t.fail(`seed ${seed}: ${differs.join(", ")}`);
  }
  const { arenaBytes } = compileModel(
    writeModel({ nodes: randomNodes(1), inputs: [{ name: "a" }, { name: "b" }], outputs: ["t39"] }),
    { a: [1000], b: [1000] },
  );
  t.ok(arenaBytes < 8 * 4096, `40 tensors of 4000 bytes share ${arenaBytes} bytes`);
});

t.test("each run tells of all operators, those that ran before or together too", async (t) => {
  const model = writeModel({
    nodes: [
      { operator: "Exp", inputs: ["bias"], outputs: ["early"] },
      { operator: "MatMul", inputs: ["a", "b"], outputs: ["c"] },
      { operator: "Add", inputs: ["c", "early"], outputs: ["d"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["d"],
    constants: [{ name: "bias", type: 1, dims: [5], raw: new Uint8Array(20) }],
  });
  const session = Session.compile(model, { a: [3, 4], b: [4, 5] });
  const inputs = {
    a: float32([3, 4], byFormula("unit", 1, 12)),
    b: float32([4, 5], byFormula("unit", 2, 20)),
  };
  for (const run of ["first", "second"]) {
    const told: number[][] = [];
    await session.run(inputs, { onProgress: (...progress) => told.push(progress) });
    t.same(told.at(-1), [3, 3], `the ${run}`);
  }
});

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

t.test("a session runs often, at once, into given memory, and refuses wrong tensors", async (t) => {
  const session = Session.compile(operatorModel("MatMul"), { a: [5, 7], b: [7, 3] });
  t.same(session.outputs, [{ name: "c", dtype: "float32", shape: [5, 3] }]);
  const [, indices] = Session.compile(topKModel(2, true), { rows: [3, 9] }).outputs;
  t.same(indices, { name: "indices", dtype: "int64", shape: [3, 2], choices: 9 });
  const a = float32([5, 7], byFormula("unit", 1, 35));
  const b = float32([7, 3], byFormula("unit", 2, 21));
  const runs = await Promise.all(Array.from({ length: 20 }, () => session.run({ a, b })));
  t.equal(new Set(runs.map((run) => run.digests.get("c")?.sha256)).size, 1);
  t.match(runs[0]?.digests.get("c"), { sha256: /^sha256:[0-9a-f]{64}$/, blake3: /^[0-9a-f]{64}$/ });
  const c = OwnedBytes.take(new Uint8Array(124));
  const handed = { dtype: a.dtype, shape: a.shape, owned: OwnedBytes.copyOf(tensorBytes(a)) };
  const into = (owned: OwnedBytes, offset = 0) => new Map([["c", { owned, offset }]]);
  const running = session.run({ a: handed, b }, { into: into(c, 64) });
  t.throws(() => handed.owned.release(), { code: "CONFLICT" });
  t.throws(() => c.release(), { code: "CONFLICT" });
  t.same((await running).outputs, new Map(), "what goes into given memory is no tensor");
  t.same(c.release().subarray(64), tensorBytes(runs[0]?.outputs.get("c") as Tensor));
  await t.rejects(session.run({ a }), { code: "SHAPE_MISMATCH", message: /input b is missing/ });
  await t.rejects(session.run({ a: b, b }), { code: "SHAPE_MISMATCH" });
  await t.rejects(session.run({ a, b, c: a }), { code: "SHAPE_MISMATCH" });
  if (!capabilities({ probeCuda: true }).cuda.usable) {
    await t.rejects(session.run({ a, b }, { backend: "cuda" }), { code: "BACKEND_UNAVAILABLE" });
  }
  const short = OwnedBytes.take(new Uint8Array(63));
  for (const offset of [4, 3, -4, 64]) {
    const options = { into: into(short, offset) };
    await t.rejects(session.run({ a, b }, options), { code: "INVALID_ARGUMENT" });
  }
  await t.rejects(session.run({ a: handed, b }, { into: into(handed.owned) }), {
    code: "INVALID_ARGUMENT",
  });
  const shapes = { a: [2 ** 19, 1], b: [1, 2 ** 19] };
  const huge = Session.compile(operatorModel("Add"), shapes, { memoryBytesMax: 2 ** 42 });
  const line = byFormula("unit", 3, 2 ** 19);
  const inputs = { a: float32(shapes.a, line), b: float32(shapes.b, line) };
  await t.rejects(huge.run(inputs), { code: "LIMIT_EXCEEDED", message: /1099511627776 bytes/ });
  const small = { memoryBytesMax: 100 };
  t.throws(() => Session.compile(operatorModel("MatMul"), { a: [5, 7], b: [7, 3] }, small), {
    code: "LIMIT_EXCEEDED",
  });
});

t.test("a small model runs at once, in memory that stays", async (t) => {
  const session = Session.compile(operatorModel("MatMul"), { a: [5, 7], b: [7, 3] });
  for (const backend of backends) {
    const { inputs, outputs, run } = session.bind({ backend });
    const [a, b] = ["a", "b"].map((name) => inputs.get(name) as Tensor);
    for (const seed of [1, 2]) {
      (a as Tensor & { dtype: "float32" }).data.set(byFormula("unit", seed, 35));
      (b as Tensor & { dtype: "float32" }).data.set(byFormula("unit", seed + 5, 21));
      run();
      const apart = await session.run({ a: a as Tensor, b: b as Tensor }, { backend: "portable" });
      t.same(outputs.get("c")?.data, apart.outputs.get("c")?.data, `${backend} ${seed}`);
    }
  }
  const { inputs, run } = session.bind();
  const { buffer } = (inputs.get("a") as Tensor).data;
  structuredClone(buffer, { transfer: [buffer] });
  run();
  t.pass("memory that was transferred away is still there for the run");
  const large = Session.compile(operatorModel("MatMul"), { a: [512, 512], b: [512, 512] });
  t.throws(() => large.bind(), { code: "LIMIT_EXCEEDED" });
  const window = { kernel_shape: [99, 99], pads: [49, 49, 49, 49] };
  const node = { operator: "MaxPool", inputs: ["x"], outputs: ["y"], attributes: window };
  const model = writeModel({ nodes: [node], inputs: [{ name: "x" }], outputs: ["y"] });
  const pooled = Session.compile(model, { x: [1, 1, 99, 99] });
  t.throws(() => pooled.bind(), { code: "LIMIT_EXCEEDED" }, "few bytes, looked at very often");
});

t.test("a long run is stopped within a product, and tells how far it is", async (t) => {
  const nodes: NodeParts[] = [
    { operator: "MatMul", inputs: ["a", "a"], outputs: ["b"] },
    { operator: "MatMul", inputs: ["b", "a"], outputs: ["c"] },
  ];
  const model = writeModel({ nodes, inputs: [{ name: "a" }], outputs: ["c"] });
  const size = 2048;
  const session = Session.compile(model, { a: [size, size] });
  const a = float32([size, size], byFormula("unit", 1, size * size));
  const stop = new AbortController();
  const running = session.run({ a }, { backend: "portable", signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  // A single product takes the portable kernel seconds; nothing here is timed but by its being done.
  await t.rejects(running, { code: "CANCELLED" });
  const small = Session.compile(model, { a: [3, 3] });
  const steps: number[][] = [];
  const onProgress = (...step: number[]) => void steps.push(step);
  await small.run({ a: float32([3, 3], byFormula("unit", 1, 9)) }, { onProgress });
  t.same(steps.at(-1), [2, 2]);
});
