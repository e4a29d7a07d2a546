/** The library: one model run by many callers, at once and as tasks, in memory of theirs and of its own. */
import t from "tap";
import {
  type Backend,
  float32,
  OwnedBytes,
  Session,
  type Tensor,
} from "../src/compute/engine/session.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { byFormula } from "./canonical-reference.js";
import { failure } from "./failure.js";
import { type NodeParts, operatorModel, topKModel, writeModel } from "./onnx-writer.js";

const known: readonly Backend[] = ["portable", "avx2", "avx512"];
const usable = capabilities({ probeCuda: false }).backends;
const backends = known.filter((name) => name !== "auto" && usable.includes(name));

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
  // Node itself moves no memory of an addon: it refuses, or copies without a word. Later ones of JavaScript do.
  if ("transfer" in buffer) buffer.transfer();
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

t.test("little work is done at once, and nothing of one run is seen in another", async (t) => {
  const session = Session.compile(operatorModel("MatMul"), { a: [5, 7], b: [7, 3] });
  const inputs = [1, 2, 3].map((seed) => ({
    a: float32([5, 7], byFormula("unit", seed, 35)),
    b: float32([7, 3], byFormula("unit", seed + 5, 21)),
  }));
  const apart = await Promise.all(inputs.map((given) => session.run(given, { pieces: 1 })));
  const atOnce = await Promise.all(inputs.map((given) => session.run(given)));
  t.same(
    atOnce.map(({ outputs, digests }) => [outputs.get("c"), digests.get("c")]),
    apart.map(({ outputs, digests }) => [outputs.get("c"), digests.get("c")]),
  );
  t.not(new Set(atOnce.map(({ digests }) => digests.get("c")?.blake3)).size, 1);
  const [given] = inputs as [{ a: Tensor; b: Tensor }];
  const shared = new Float32Array(new SharedArrayBuffer(140));
  shared.set(byFormula("unit", 1, 35));
  const owned = OwnedBytes.copyOf(tensorBytes(given.b));
  const lent = {
    a: { ...given.a, data: shared } as never,
    b: { dtype: given.b.dtype, shape: given.b.shape, owned },
  };
  t.same((await session.run(lent)).digests, apart[0]?.digests, "shared, and handed over");
  t.same(owned.release(), tensorBytes(given.b), "which is free again, and as it was");
  const told: number[][] = [];
  await session.run(given, { onProgress: (...now) => told.push(now) });
  t.same(told, [[1, 1]]);
  await t.rejects(session.run(given, { signal: AbortSignal.abort() }), { code: "CANCELLED" });
  const short = { ...given, b: float32([7, 2], byFormula("unit", 1, 14)) };
  await t.rejects(session.run(short), { code: "SHAPE_MISMATCH", message: /input b is float32/ });
  await t.rejects(session.run({ a: given.a } as never), { message: /input b is missing/ });
  const absent = { ...given, b: undefined };
  await t.rejects(session.run(absent as never), { message: /input b is missing/ });
});

t.test("weights are read as they are where memory for a faster copy is not allowed", async (t) => {
  const weights = byFormula("unit", 9, 100 * 40);
  const model = writeModel({
    nodes: [{ operator: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    inputs: [{ name: "x" }],
    outputs: ["y"],
    constants: [{ name: "w", type: 1, dims: [100, 40], raw: new Uint8Array(weights.buffer) }],
  });
  const x = float32([20, 100], byFormula("unit", 3, 2000));
  const digests: (string | undefined)[] = [];
  // 14,400 bytes for input, output and between, and too little for a copy of 100 rows of 64 columns.
  for (const memoryBytesMax of [20_000, 2 ** 20]) {
    const session = Session.compile(model, { x: [20, 100] }, { memoryBytesMax });
    for (const backend of backends) {
      for (let time = 0; time < 2; time += 1) {
        const { digests: of } = await session.run({ x }, { backend });
        digests.push(of.get("y")?.blake3);
      }
    }
  }
  t.equal(new Set(digests).size, 1);
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

t.test("outputs may share memory where they do not overlap", async (t) => {
  const both = writeModel({
    nodes: [
      { operator: "Add", inputs: ["a", "b"], outputs: ["sum"] },
      { operator: "Mul", inputs: ["a", "b"], outputs: ["product"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["sum", "product"],
  });
  const session = Session.compile(both, { a: [2], b: [2] });
  const [a, b] = [float32([2], Float32Array.of(1, 2)), float32([2], Float32Array.of(3, 4))];
  const into = (owned: OwnedBytes, offset: number) =>
    new Map([
      ["sum", { owned, offset }],
      ["product", { owned, offset: 8 }],
    ]);
  const owned = OwnedBytes.copyOf(new Uint8Array(24));
  await session.run({ a, b }, { into: into(owned, 16) });
  t.same(new Float32Array(owned.release().buffer), Float32Array.of(0, 0, 3, 8, 4, 6));
  for (const offset of [4, 8, 12]) {
    const torn = into(OwnedBytes.copyOf(new Uint8Array(24)), offset);
    t.match(await failure(session.run({ a, b }, { into: torn })), { code: "INVALID_ARGUMENT" });
  }
  const mine = OwnedBytes.copyOf(new Uint8Array(8));
  const given = { dtype: "float32" as const, shape: [2], owned: mine };
  const over = new Map([["sum", { owned: mine }]]);
  const clash = failure(session.run({ a: given, b }, { into: over }));
  t.match(await clash, { code: "INVALID_ARGUMENT" });
});

t.test("a bool that was handed over is looked at too", async (t) => {
  const not = writeModel({
    nodes: [{ operator: "Not", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", type: 9 }],
    outputs: ["y"],
  });
  const session = Session.compile(not, { x: [2] });
  const handed = (...bytes: number[]) => {
    const owned = OwnedBytes.take(Uint8Array.from(bytes));
    return { x: { dtype: "bool" as const, shape: [2], owned } };
  };
  const { outputs } = await session.run(handed(0, 1));
  t.same(outputs.get("y")?.data, Uint8Array.of(1, 0));
  const wrong = { code: "DATA_INVALID", message: /input x has 2 where a bool is 0 or 1/ };
  t.match(await failure(session.run(handed(1, 2))), wrong);
});

t.test(
  "large outputs are memory as any other, and stay as they are while runs go on",
  async (t) => {
    const negate = writeModel({
      nodes: [{ operator: "Neg", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x" }],
      outputs: ["y"],
    });
    const shape = [1536, 1024];
    const session = Session.compile(negate, { x: shape });
    const given = (seed: number) => float32(shape, byFormula("unit", seed, 1536 * 1024));
    const held: { bytes: Uint8Array<ArrayBuffer>; digest: string | undefined }[] = [];
    for (let seed = 0; seed < 24; seed += 1) {
      // By turns as a task and at once; two of three are dropped.
      const pieces = seed % 2;
      const { outputs, digests } = await session.run({ x: given(seed) }, { pieces });
      const bytes = tensorBytes(outputs.get("y") as Tensor);
      if (seed % 3 === 0) held.push({ bytes, digest: digests.get("y")?.blake3 });
      const stopped = session.run({ x: given(seed) }, { pieces, signal: AbortSignal.abort() });
      await t.rejects(stopped, { code: "CANCELLED" });
    }
    t.equal(new Set(held.map(({ digest }) => digest)).size, held.length);
    for (const { bytes, digest } of held) {
      const { buffer } = bytes;
      t.equal(buffer.byteLength, 1536 * 4096);
      const moved = structuredClone(bytes, { transfer: [buffer] });
      t.same([bytes.length, buffer.byteLength], [0, 0]);
      const x = { dtype: "float32" as const, shape, owned: OwnedBytes.take(moved) };
      const twice = await session.run({ x });
      const back = await session.run({ x: twice.outputs.get("y") as Tensor });
      t.equal(back.digests.get("y")?.blake3, digest);
    }
  },
);

t.test(
  "an output of small elements may lie anywhere, whatever had its place before it",
  async (t) => {
    const [rows, columns] = [1024, 4096];
    const bools = 4 * rows;
    const model = writeModel({
      nodes: [
        { operator: "Softmax", inputs: ["x"], outputs: ["y"] },
        { operator: "ReduceMax", inputs: ["y"], outputs: ["most"] },
        { operator: "Greater", inputs: ["x4", "most"], outputs: ["b"] },
      ],
      inputs: [{ name: "x" }, { name: "x4" }],
      outputs: ["b"],
    });
    // As many bytes of truth values as of the softmax, so that they may share a place.
    const session = Session.compile(model, { x: [rows, columns], x4: [bools, columns] });
    const x = float32([rows, columns], new Float32Array(rows * columns).fill(0.5));
    const x4 = float32([bools, columns], new Float32Array(bools * columns).fill(1));
    for (const offset of [0, 1]) {
      const owned = OwnedBytes.take(new Uint8Array(bools * columns + offset));
      await session.run({ x, x4 }, { into: new Map([["b", { owned, offset }]]) });
      const written = owned.release().subarray(offset);
      t.ok(
        written.every((value) => value === 1),
        `at ${offset}`,
      );
    }
  },
);
