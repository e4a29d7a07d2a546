/** Files of tensors: what others wrote is read, what we write others read, and what lies is refused. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { concatBytes, digestOf } from "../src/base/bytes.js";
import { safetensorsFile } from "../src/compute/engine/safetensors.js";
import { float32, int64, Session, type Tensor } from "../src/compute/engine/session.js";
import { runTensorTask } from "../src/compute/engine/task.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { TensorFile } from "../src/compute/engine/tensor-file.js";
import { OwnedBytes } from "../src/compute/native/hashing.js";
import { dtypeNumbers, elementBytes, sizeOf } from "../src/compute/tensor/dtype.js";
import { jobDigest, jobSpec } from "../src/model/job.js";
import { failure } from "./failure.js";
import { bytesField, integerField, messageField, writeModel } from "./onnx-writer.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));

let files = 0;
async function readFrom(end: string, bytes: Uint8Array, name?: string): Promise<Tensor> {
  files += 1;
  const path = join(folder, `${files}${end}`);
  writeFileSync(path, bytes);
  const file = await TensorFile.open(path, `x${end}`);
  try {
    return await file.read(file.place(name));
  } finally {
    await file.close();
  }
}
const readNpy = (bytes: Uint8Array) => readFrom(".npy", bytes);
const readSafe = (bytes: Uint8Array, name?: string) => readFrom(".safetensors", bytes, name);

/** A file with this header, as it stands, and so many bytes of data. */
function safe(header: string | Uint8Array, dataBytes: number, length?: number): Uint8Array {
  const text = typeof header === "string" ? Buffer.from(header) : header;
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(length ?? text.length));
  return concatBytes(start, text, new Uint8Array(dataBytes));
}

function npy(header: string, data: Uint8Array = new Uint8Array(), major = 1): Uint8Array {
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0, header.length, 0]);
  const more = major === 1 ? Buffer.alloc(0) : Buffer.alloc(2);
  return concatBytes(start, more, Buffer.from(header, "latin1"), data);
}
const fieldsOf = (descr: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;

/** Written by the format's first implementation: w, ids, flag, s and none, with metadata. */
const foreign = Buffer.from(
  "QAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJpZHMiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJd" +
    "LCJkYXRhX29mZnNldHMiOlswLDE2XX0sInciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6" +
    "WzE2LDQwXX0sIm5vbmUiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzQwLDQwXX0sInMi" +
    "OnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQwLDQyXX0sImZsYWciOnsiZHR5cGUiOiJCT09M" +
    "Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNDIsNDRdfX0gIAEAAAAAAAAA/v////////8AAAAAAACAPwAAAEAAAEBA" +
    "AACAQAAAoEAAQQEA",
  "base64",
);

t.test("a .safetensors file that others wrote", async (t) => {
  t.same(await readSafe(foreign, "w"), float32([2, 3], Float32Array.of(0, 1, 2, 3, 4, 5)));
  t.same(await readSafe(foreign, "ids"), int64([2], BigInt64Array.of(1n, -2n)));
  const half = { dtype: "float16", shape: [], data: Uint16Array.of(0x4100) };
  t.same(await readSafe(foreign, "s"), half);
  t.same(await readSafe(foreign, "flag"), { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) });
  t.same(await readSafe(foreign, "none"), {
    dtype: "int32",
    shape: [0, 4],
    data: new Int32Array(),
  });
  const missing = await failure(readSafe(foreign, "W"));
  t.match(missing, { code: "DATA_INVALID", message: "x.safetensors has no tensor W" });
  t.match(missing.next, /ids, w, none, s, flag/);
  t.match(await failure(readSafe(foreign)), { message: /holds 5 tensors and none is named/ });
});

t.test("a hostile .safetensors file is refused, each for its own reason", async (t) => {
  const entry = (shape: string, from: number, to: number, type = "F32") =>
    `{"dtype":"${type}","shape":${shape},"data_offsets":[${from},${to}]}`;
  const whole = `{"a":${entry("[2]", 0, 8)}}`;
  t.same(await readSafe(safe(`${whole}   `, 8)), float32([2], new Float32Array(2)));
  const refused: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(), /shorter than any/],
    ["seven bytes", new Uint8Array(7), /shorter than any/],
    ["no header", safe("", 0), /does not begin with {/],
    ["a vast header", safe(whole, 8, 2 ** 40), /would have 1099511627776 bytes/],
    ["a header past its end", safe(whole, 8, 90), /ends within its header/],
    ["a space first", safe(` ${whole}`, 8), /does not begin with {/],
    ["no JSON", safe(`{"a":}`, 0), /not acceptable JSON/],
    ["text behind", safe(`${whole}x`, 8), /not acceptable JSON/],
    ["no UTF-8", safe(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 0), /not acceptable JSON/],
    ["deep", safe(`{"a":${"[".repeat(70)}${"]".repeat(70)}}`, 0), /nested deeper/],
    [
      "a key twice",
      safe(`{"a":${entry("[2]", 0, 8)},"\\u0061":${entry("[0]", 8, 8)}}`, 8),
      /twice/,
    ],
    ["no tensor", safe(`{"a":7}`, 0), /needs dtype, shape and data_offsets/],
    [
      "more fields",
      safe(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}`, 4),
      /no more/,
    ],
    ["a type by number", safe(`{"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}}`, 4), /no type/],
    ["an unknown type", safe(`{"a":${entry("[2]", 0, 8, "F37")}}`, 8), /unknown type F37/],
    ["less than none", safe(`{"a":${entry("[-2]", 0, 8)}}`, 8), /no shape/],
    ["half an element", safe(`{"a":${entry("[2.5]", 0, 10)}}`, 10), /no shape/],
    [
      "one offset",
      safe(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}`, 4),
      /begins and ends/,
    ],
    ["backwards", safe(`{"a":${entry("[2]", 8, 0)}}`, 8), /-8 bytes for F32 \[2\]/],
    ["too small", safe(`{"a":${entry("[3]", 0, 8)}}`, 8), /8 bytes for F32 \[3\]/],
    ["beyond numbers", safe(`{"a":${entry("[94906267,94906267,8]", 0, 8)}}`, 8), /8 bytes for F32/],
    ["a hole", safe(`{"a":${entry("[1]", 4, 8)}}`, 8), /"a" leaves a hole/],
    ["overlap", safe(`{"a":${entry("[2]", 0, 8)},"b":${entry("[1]", 4, 8)}}`, 8), /"b" overlaps/],
    ["bytes left", safe(whole, 9), /have 8 bytes and it holds 9/],
    ["bytes missing", safe(whole, 7), /have 8 bytes and it holds 7/],
    [
      "odd metadata",
      safe(`{"__metadata__":{"a":1},"a":${entry("[2]", 0, 8)}}`, 8),
      /no list of texts/,
    ],
  ];
  for (const [name, bytes, message] of refused) {
    t.match(await failure(readSafe(bytes, "a")), { code: "DATA_INVALID", message }, name);
  }
  const wide = safe(`{"a":${entry("[1]", 0, 8, "F64")},"b":${entry("[1]", 8, 12)}}`, 12);
  t.same((await readSafe(wide, "b")).shape, [1], "beside a type that is not computed with");
  t.match(await failure(readSafe(wide, "a")), { message: /holds a as F64, which is not computed/ });
  const two = concatBytes(safe(`{"a":${entry("[2]", 0, 2, "BOOL")}}`, 0), Uint8Array.of(1, 2));
  t.match(await failure(readSafe(two, "a")), {
    message: /has 2 where a bool is 0 or 1, at element 1/,
  });
  mkdirSync(join(folder, "f.safetensors"));
  const opened = failure(TensorFile.open(join(folder, "f.safetensors"), "f.safetensors"));
  t.match(await opened, { code: "DATA_INVALID", message: /no regular file/ });
});

t.test("whatever is written is read again, and the same is written the same", async (t) => {
  const types = fc.constantFrom(...(Object.keys(dtypeNumbers) as (keyof typeof dtypeNumbers)[]));
  const ports = fc.uniqueArray(
    fc.record({
      name: fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__"),
      dtype: types,
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(ports, async (ports) => {
      const { bytes, offsets } = safetensorsFile(ports);
      const again = safetensorsFile([...ports].reverse());
      if (!Buffer.from(bytes).equals(again.bytes)) throw new Error("the order counts");
      if ((8 + Number(Buffer.from(bytes).readBigUInt64LE())) % 64 !== 0) throw new Error("no 64");
      for (const [index, { name, dtype, shape }] of ports.entries()) {
        const at = offsets.get(name) as number;
        if (at % elementBytes(dtype) !== 0) throw new Error(`${name} is not aligned`);
        bytes.fill(index % 2, at, at + sizeOf(shape) * elementBytes(dtype));
      }
      for (const [index, { name, dtype, shape }] of ports.entries()) {
        const tensor = await readSafe(bytes, name);
        t.same([tensor.dtype, tensor.shape], [dtype, shape]);
        if (tensorBytes(tensor).some((byte) => byte !== index % 2)) throw new Error("other bytes");
      }
    }),
    { numRuns: 40 },
  );
  const golden = safetensorsFile([
    { name: "é", dtype: "bool", shape: [3] },
    { name: "b", dtype: "float32", shape: [2] },
    { name: "a", dtype: "int64", shape: [] },
    { name: "__proto__", dtype: "float32", shape: [0, 2] },
  ]);
  t.equal(
    Buffer.from(golden.bytes).subarray(8).toString().replaceAll("\0", "").trimEnd(),
    '{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
      '"__proto__":{"dtype":"F32","shape":[0,2],"data_offsets":[8,8]},' +
      '"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},' +
      '"é":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19]}}',
  );
  t.equal((await readSafe(golden.bytes, "__proto__")).shape.length, 2);
  const reserved = { name: "__metadata__", dtype: "bool" as const, shape: [] };
  t.throws(() => safetensorsFile([reserved]), { code: "MODEL_UNSUPPORTED" });
});

t.test("a .npy file of every version, and what is refused by name", async (t) => {
  const wanted = float32([2, 2], Float32Array.of(1.5, -2, 0, 4));
  const data = tensorBytes(wanted);
  for (const major of [1, 2, 3]) {
    t.same(await readNpy(npy(fieldsOf("'<f4'", "(2, 2)"), data, major)), wanted, `${major}.0`);
  }
  const turned = "{'shape':(2,2),'fortran_order':False,'descr':'<f4'}\n";
  t.same(await readNpy(npy(turned, data)), wanted, "fields in another order");
  t.same((await readNpy(npy(fieldsOf("'|b1'", "()"), Uint8Array.of(1)))).shape, []);
  t.same((await readNpy(npy(fieldsOf("'<i8'", "(1,)"), new Uint8Array(8)))).shape, [1]);
  t.same((await readNpy(npy(fieldsOf("'<f2'", "(3, 0)")))).shape, [3, 0]);
  const refused: [Uint8Array, RegExp][] = [
    [new Uint8Array(5), /is no \.npy file/],
    [safe("{}", 0), /is no \.npy file/],
    [npy(fieldsOf("'<f4'", "(2, 2)"), data, 4), /version 4\.0; 1 to 3 are read/],
    [npy(fieldsOf("'<f8'", "(2,)"), data), /type '<f8'; <f4, <i8, <i4, \|i1, \|u1, \|b1, <f2 are/],
    [npy(fieldsOf("'>f4'", "(4,)"), data), /type '>f4'/],
    [npy(fieldsOf("'<U1'", "(4,)"), data), /type '<U1'/],
    [npy(fieldsOf("[('a', '<f4')]", "(4,)"), data), /does not hold a plain array/],
    [npy(fieldsOf("'<f4'", "(2, 2)").replace("False", "True"), data), /in Fortran order/],
    [npy("{'descr': '<f4', 'shape': (2, 2), }", data), /does not hold a plain array/],
    [npy("nothing", data), /does not hold a plain array/],
    [npy(fieldsOf("'<f4'", "(2 2)"), data), /impossible shape/],
    [npy(fieldsOf("'<f4'", "(99999999999, 99999999999)"), data), /impossible shape/],
    [npy(fieldsOf("'<f4'", "(5,)"), data), /has \d+ bytes and its header asks for/],
    [npy(fieldsOf("'<f4'", "(3,)"), data), /has \d+ bytes and its header asks for/],
    [npy(fieldsOf("'<f4'", "(4,)"), data).subarray(0, 30), /ends within its header/],
    [npy(fieldsOf("'|b1'", "(2,)"), Uint8Array.of(0, 255)), /has 255 where a bool is 0 or 1/],
  ];
  for (const [bytes, message] of refused) {
    t.match(await failure(readNpy(bytes)), { code: "DATA_INVALID", message }, `${message}`);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (noise) => {
      const { code } = await failure(readNpy(concatBytes(npy("").subarray(0, 8), noise)));
      if (code !== "DATA_INVALID") throw new Error(code);
    }),
    { numRuns: 40 },
  );
});

const numpy = spawnSync("python3", ["-c", "import numpy"]).status === 0 ? false : "no NumPy here";
t.test("what NumPy writes", { skip: numpy }, async (t) => {
  const types = ["<f4", "<i8", "<i4", "|i1", "|u1", "|b1", "<f2"];
  const script = `import numpy as n
for i, d in enumerate(${JSON.stringify(types)}): n.save(f"n{i}.npy", n.arange(6).reshape(2,3).astype(d))`;
  t.equal(spawnSync("python3", ["-c", script], { cwd: folder }).status, 0);
  for (const [index, type] of types.entries()) {
    const tensor = await readNpy(readFileSync(join(folder, `n${index}.npy`)));
    t.same(tensor.shape, [2, 3], type);
    if (type !== "<f2" && type !== "|b1") t.same([...tensor.data].map(Number), [0, 1, 2, 3, 4, 5]);
  }
});

const add = { nodes: [{ operator: "Add", inputs: ["a", "b"], outputs: ["sum/of both"] }] };
const addModel = writeModel({
  ...add,
  inputs: [{ name: "a" }, { name: "b" }],
  outputs: ["sum/of both"],
});

function jobTask(inputs: unknown) {
  const task = { driver: "tensor", model: `sha256:${"0".repeat(64)}`, inputs };
  const spec = jobSpec.parse({ version: "quipu.dev/v1", name: "x", task });
  if (spec.task.driver !== "tensor") throw new Error("another driver");
  return spec.task;
}

async function runTask(inputs: unknown, model: Uint8Array, memoryBytesMax?: number) {
  files += 1;
  const outputFolder = join(folder, `out${files}`);
  mkdirSync(outputFolder);
  const modelPath = join(folder, `${files}.onnx`);
  writeFileSync(modelPath, model);
  const more = memoryBytesMax === undefined ? {} : { memoryBytesMax };
  const paths = { modelPath, dataFolder: folder, outputFolder };
  try {
    const { result, inputBytes } = await runTensorTask({
      task: jobTask(inputs),
      ...paths,
      ...more,
    });
    return { result, inputBytes, bytes: readFileSync(join(outputFolder, "outputs.safetensors")) };
  } catch (thrown) {
    t.same(readdirSync(outputFolder), [], "and leaves nothing");
    throw thrown;
  }
}

t.test("a job reads arrays and tensors of its data folder", async (t) => {
  writeFileSync(join(folder, "in.safetensors"), foreign);
  const array = npy(fieldsOf("'<f4'", "(3,)"), tensorBytes(float32([3], Float32Array.of(1, 2, 3))));
  writeFileSync(join(folder, "in.npy"), array);
  const inputs = { a: { file: "in.safetensors", tensor: "w" }, b: { file: "in.npy" } };
  const { result, bytes, inputBytes } = await runTask(inputs, addModel);
  const [output] = result.outputs;
  t.match(output, { name: "outputs.safetensors", mediaType: "application/x-safetensors" });
  t.equal(output?.digest, digestOf(bytes));
  const sum = await readSafe(bytes, "sum/of both");
  t.same(sum, float32([2, 3], Float32Array.of(1, 3, 5, 4, 6, 8)), "under any name");
  t.equal(inputBytes, addModel.length + 8 + 320 + 24 + array.length, "what was read of them");

  const refuses = async (inputs: unknown, code: string, message: RegExp, model = addModel) =>
    t.match(await failure(runTask(inputs, model)), { code, message });
  await refuses({ ...inputs, b: { file: "no.npy" } }, "DATA_INVALID", /has no file no\.npy/);
  const absent = { file: "in.safetensors", tensor: "x" };
  await refuses({ ...inputs, b: absent }, "DATA_INVALID", /has no tensor x/);
  const ids = { file: "in.safetensors", tensor: "ids" };
  await refuses({ a: ids, b: ids }, "SHAPE_MISMATCH", /int64.* float32/);
  const tight = await failure(runTask(inputs, addModel, 35));
  t.match(tight, {
    code: "LIMIT_EXCEEDED",
    message: "the job's inputs need 36 bytes of memory and 35 are allowed",
  });
  const run = await failure(runTask(inputs, addModel, 50));
  t.match(run, { code: "LIMIT_EXCEEDED", message: /a run needs \d+ bytes of memory and 50/ });
  const external = writeModel({
    ...add,
    inputs: [{ name: "a" }],
    outputs: ["sum/of both"],
    constants: [
      {
        name: "b",
        type: 1,
        dims: [3],
        fields: concatBytes(
          messageField(13, bytesField(1, "location"), bytesField(2, "in.npy")),
          integerField(14, 1),
        ),
      },
    ],
  });
  const beside = /has weights in in\.npy; the model of a job is one file/;
  await refuses({ a: inputs.a }, "MODEL_UNSUPPORTED", beside, external);
});

t.test("an input that shapes depend on is compiled in", async (t) => {
  const reshape = writeModel({
    nodes: [{ operator: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }],
    inputs: [{ name: "x" }, { name: "shape", type: 7 }],
    outputs: ["y"],
  });
  const shape = npy(fieldsOf("'<i8'", "(2,)"), tensorBytes(int64([2], BigInt64Array.of(3n, -1n))));
  writeFileSync(join(folder, "shape.npy"), shape);
  writeFileSync(join(folder, "in.safetensors"), foreign);
  const inputs = { x: { file: "in.safetensors", tensor: "w" }, shape: { file: "shape.npy" } };
  const { bytes } = await runTask(inputs, reshape);
  t.same(await readSafe(bytes, "y"), float32([3, 2], Float32Array.of(0, 1, 2, 3, 4, 5)));
});

t.test("jobs of tables keep their digest, and each form of input is told from the others", (t) => {
  const table = { file: "x.csv", columns: [0, 1] };
  const spec = (inputs: unknown) =>
    jobSpec.safeParse({ version: "quipu.dev/v1", name: "x", task: { ...jobTask({}), inputs } });
  const { data } = spec({ a: table });
  t.equal(
    data && jobDigest(data),
    "sha256:6ab469f8d302f4e057fe025b8c9290d50d5d236b34b8f1b4b4b0cddf011a84c4",
  );
  t.same(spec({ a: { ...table, file: "x.npy" } }).data?.task, {
    ...jobTask({}),
    inputs: { a: { ...table, file: "x.npy", transpose: false } },
  });
  for (const wrong of [
    { file: "x.csv" },
    { file: "x.safetensors" },
    { file: "x.npy", tensor: "a" },
    { file: "../x.npy" },
    { file: "x.safetensors", tensor: "" },
    { file: "x.safetensors", tensor: "a", columns: [0, 1] },
  ]) {
    t.equal(spec({ a: wrong }).success, false, JSON.stringify(wrong));
  }
  t.end();
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
