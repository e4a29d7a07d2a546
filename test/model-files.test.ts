/** Files of tensors: what others wrote is read, what we write others read, and what lies is refused. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { concatBytes } from "../src/base/bytes.js";
import { safetensorsFile } from "../src/compute/engine/safetensors.js";
import { float32, int64 } from "../src/compute/engine/session.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { TensorFile } from "../src/compute/engine/tensor-file.js";
import { dtypeNumbers, elementBytes, sizeOf } from "../src/compute/tensor/dtype.js";
import { failure } from "./failure.js";
import { fieldsOf, folder, foreign, npy, readNpy, readSafe } from "./tensor-file-world.js";

/** A file with this header, as it stands, and so many bytes of data. */
function safe(header: string | Uint8Array, dataBytes: number, length?: number): Uint8Array {
  const text = typeof header === "string" ? Buffer.from(header) : header;
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(length ?? text.length));
  return concatBytes(start, text, new Uint8Array(dataBytes));
}

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
