/** `quipu model`: what a model is, what it gives here, and what each mistake says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { concatBytes, digestOf } from "../src/base/bytes.js";
import { firstElements } from "../src/cli/model/elements.js";
import { randomTensor } from "../src/cli/model/random.js";
import { npyFile } from "../src/compute/engine/npy.js";
import { safetensorsFile } from "../src/compute/engine/safetensors.js";
import { type DType, float32, type Tensor } from "../src/compute/engine/session.js";
import { tensorBytes, tensorOver } from "../src/compute/engine/tensor.js";
import { dtypeNumbers } from "../src/compute/tensor/dtype.js";
import { executeIn, runIn } from "./cli-run.js";
import { bytesField, int64Bytes, integerField, messageField, writeModel } from "./onnx-writer.js";
import { packageRoot, program } from "./real-fleet.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));
const knn = join(packageRoot, "examples", "digits", "knn.onnx");

const quipu = (...argv: string[]) => runIn(folder, ["model", ...argv]);
async function json(...argv: string[]) {
  const { code, stdout, stderr } = await quipu(...argv, "--json");
  t.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function put(name: string, bytes: Uint8Array | string): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

function npy(tensor: Tensor): Uint8Array {
  const { bytes, offset } = npyFile(tensor);
  bytes.set(tensorBytes(tensor), offset);
  return bytes;
}

const sum = put(
  "sum.onnx",
  writeModel({
    nodes: [{ operator: "Add", inputs: ["a=1", "b"], outputs: ["sum"] }],
    inputs: [
      { name: "a=1", axes: ["rows", 3] },
      { name: "b", axes: ["rows", 3] },
    ],
    outputs: ["sum"],
  }),
);

t.test("inspect says what a model takes, gives and needs", async (t) => {
  const view = await json("inspect", knn);
  t.match(view, {
    sizeBytes: readFileSync(knn).length,
    operatorSets: { "": 17 },
    inputs: [
      { name: "queries", type: "float32", axes: ["q", 64] },
      { name: "references", type: "float32", axes: [64, "r"] },
    ],
    outputs: [{ name: "scores" }, { name: "indices", type: "int64", axes: ["q", 3] }],
    operators: [{ operator: "MatMul", count: 2, compiles: true }, {}, {}, {}],
    parameters: { tensors: 2, elements: 65, bytes: 264, files: [] },
    problems: [],
    compiled: null,
  });
  const shapes = ["--shape", "q=360", "--shape", "references=64,1437"];
  const { compiled } = await json("inspect", knn, ...shapes);
  t.match(compiled, {
    inputs: [{ shape: [360, 64] }, { shape: [64, 1437] }],
    outputs: [{ shape: [360, 3] }, { shape: [360, 3], dtype: "int64" }],
    operators: { matmul: 2, map: 2, topk: 1 },
    multiplyAdds: 360 * 1437 * 64 + 1437 * 64,
    preparedBytes: 0,
  });
  t.ok(compiled.runBytes > compiled.arenaBytes);
  const page = await quipu("inspect", knn, ...shapes);
  t.match(page.stdout, /^ {2}queries {2}float32 \[q, 64\]$/m);
  t.match(page.stdout, /^ {2}multiply-adds {2}33200448$/m);
  t.match((await quipu("inspect", knn)).stdout, /^compiled: say the shapes that are open/m);
});

t.test("inspect names all that cannot be compiled, and ends as the compiler would", async (t) => {
  const odd = put(
    "odd.onnx",
    writeModel({
      nodes: [
        { operator: "Sorcery", inputs: ["x"], outputs: ["y"], domain: "example" },
        { operator: "Witchcraft", inputs: ["y"], outputs: ["z"] },
      ],
      inputs: [
        { name: "x", type: 11, axes: [-1, undefined] },
        { name: "words", type: 8 },
      ],
      outputs: ["z"],
      constants: [{ name: "w", type: 13, dims: [4], raw: int64Bytes(1, 2, 3, 4) }],
    }),
  );
  const { code, stdout } = await quipu("inspect", odd, "--json");
  t.equal(code, 1);
  const view = JSON.parse(stdout);
  t.match(view, {
    inputs: [
      { name: "x", type: "float64", axes: [null, null] },
      { name: "words", type: "string", axes: null },
    ],
    operators: [{ operator: "Witchcraft", compiles: false }, { operator: "example.Sorcery" }],
    parameters: { bytes: 32 },
  });
  t.same(
    view.problems.map(({ code }: { code: string }) => code),
    Array(4).fill("MODEL_UNSUPPORTED"),
  );
  t.match(view.problems[0].message, /example\.Sorcery, Witchcraft/);
  t.match((await quipu("inspect", odd)).stdout, /cannot be compiled\n {2}the model needs what/);
  const none = put("none.onnx", "no model");
  t.match(await quipu("inspect", none), { code: 1, stderr: /^MODEL_INVALID/ });
  t.match(await quipu("inspect", join(folder, "absent")), { code: 1, stderr: /^NOT_FOUND/ });
});

t.test("run gives the same digests on every backend, and the file that a job would", async (t) => {
  const out = join(folder, "out");
  const given = ["--shape", "q=3", "--shape", "r=50", "--random", "7"];
  const first = await json("run", knn, ...given, "--out", out);
  t.match(first, { arithmetic: "canonical-1", file: join(out, "outputs.safetensors") });
  t.same(first.inputs[1], { name: "references", type: "float32", shape: [64, 50], from: "seed 7" });
  const portable = await json("run", knn, ...given, "--backend", "portable");
  t.equal(portable.backend, "portable");
  t.same(portable.outputs, first.outputs);
  t.equal(portable.file, null);
  const other = await json("run", knn, ...given.slice(0, -1), "8");
  t.not(other.outputs[0].sha256, first.outputs[0].sha256, "another seed");
  const file = safetensorsFile([
    { name: "scores", dtype: "float32", shape: [3, 3] },
    { name: "indices", dtype: "int64", shape: [3, 3] },
  ]);
  const saved = readFileSync(first.file);
  t.equal(saved.length, file.bytes.length);
  for (const { name, sha256, sizeBytes } of first.outputs) {
    const at = file.offsets.get(name) as number;
    t.equal(digestOf(saved.subarray(at, at + sizeBytes)), sha256, name);
  }
  const page = await quipu("run", knn, ...given, "--out", out);
  t.match(
    page.stdout,
    /^scores {2}float32 \[3, 3\] {2}36 B\n {2}blake3:[0-9a-f]{64}\n {2}sha256:/m,
  );
  t.match(page.stdout, /^saved {2}/m);
});

t.test("run takes inputs from arrays, tensors and tables", async (t) => {
  const a = float32([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  const array = put("a.npy", npy(a));
  const { bytes, offsets } = safetensorsFile([{ name: "b", dtype: "float32", shape: [2, 3] }]);
  bytes.set(tensorBytes(a), offsets.get("b") as number);
  const tensors = put("b.safetensors", bytes);
  const table = put("t.csv", "1,2,3\n4,5,6\n");
  for (const b of [array, tensors, `${tensors}:b`, table]) {
    const { outputs } = await json("run", sum, "--input", `a=1=${array}`, "--input", `b=${b}`);
    t.same(outputs[0].first, [2, 4, 6, 8, 10, 12], b);
  }
  const mixed = await json("run", sum, "--input", `a=1=${array}`, "--random", "1");
  t.same(mixed.inputs[1].shape, [2, 3], "rows are known from the other input");

  const whole = put(
    "whole.onnx",
    writeModel({
      nodes: [{ operator: "Reshape", inputs: ["x", "to"], outputs: ["y"] }],
      inputs: [
        { name: "x", type: 6, axes: [1, 2, 3] },
        { name: "to", type: 7 },
      ],
      outputs: ["y"],
    }),
  );
  const to = put("to.csv", "3\n-1\n");
  const files = ["--input", `x=${table}`, "--shape", "x=1,2,3", "--input", `to=${to}`];
  const shaped = await json("run", whole, ...files, "--shape", "to=2");
  t.match(shaped.outputs, [{ type: "int32", shape: [3, 2], first: [1, 2, 3, 4, 5, 6] }]);
  const compiled = await quipu("inspect", whole, "--shape", "to=2");
  t.match(compiled, {
    code: 1,
    stdout: /Reshape .*\n\ncannot be compiled\n.*\n {2}next: .*depend on: --input to=FILE/,
  });
  put("t.csv", "1,2,3\n4,5,6.5\n");
  t.match(await quipu("run", whole, ...files, "--shape", "to=2"), {
    code: 1,
    stderr: /^DATA_INVALID .*t\.csv has 6\.5 where the model takes int32/,
  });
});

t.test("weights beside the model are read from its folder", async (t) => {
  put("weights.bin", tensorBytes(float32([3], Float32Array.of(10, 20, 30))));
  const location = (name: string) =>
    messageField(13, bytesField(1, "location"), bytesField(2, name));
  const model = (name: string) =>
    writeModel({
      nodes: [{ operator: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      inputs: [{ name: "x", axes: [3] }],
      outputs: ["y"],
      constants: [
        { name: "w", type: 1, dims: [3], fields: concatBytes(location(name), integerField(14, 1)) },
      ],
    });
  const beside = put("beside.onnx", model("weights.bin"));
  const x = put("x.csv", "1\n2\n3\n");
  const { outputs } = await json("run", beside, "--input", `x=${x}`, "--shape", "x=3");
  t.same(outputs[0].first, [11, 22, 33]);
  const facts = await json("inspect", beside);
  t.match(facts, { parameters: { files: ["weights.bin"] }, compiled: { operators: { map: 1 } } });
  const outside = put("outside.onnx", model("../weights.bin"));
  t.match(await quipu("run", outside, "--random", "1"), { code: 1, stderr: /^DATA_INVALID/ });
});

t.test("mistakes are told with what to do", async (t) => {
  const array = put("a.npy", npy(float32([2, 3], new Float32Array(6))));
  const wrong: [string[], number, RegExp][] = [
    [[], 2, /USAGE {2}the input a=1 \(float32 \[rows, 3\]\) is not given, nor is its shape/],
    [["--shape", "rows=2"], 2, /is not given\n.*--random SEED/],
    [["--random", "1"], 2, /nor is its shape/],
    [["--random", "x"], 2, /--random takes a whole number from 0 to 4294967295, not x/],
    [["--shape", "rows=2,3"], 2, /rows is one axis/],
    [["--shape", "c=2"], 2, /--shape c=2 names no input of the model\n.*a=1, b, rows/],
    [["--shape", "b=2,x"], 2, /sizes are whole numbers between commas/],
    [["--shape", "b=2,3", "--shape", "b=2,3"], 2, /gives b twice/],
    [["--input", `b=${array}`, "--input", `b=${array}`], 2, /gives b twice/],
    [["--input", "c=x.npy"], 2, /names no input/],
    [["--input", "b=x.txt"], 2, /and x\.txt is none by its name/],
    [["--input", "b=absent.npy"], 1, /^NOT_FOUND {2}there is no file absent\.npy/],
    [["--input", `b=${array}`, "--shape", "b=3,2"], 1, /^SHAPE_MISMATCH .*\[2, 3\], not \[3, 2\]/],
    [["--input", `b=${array}`, "--shape", "rows=4", "--random", "1"], 1, /^SHAPE_MISMATCH/],
    [["--shape", "rows=99999999999", "--random", "1"], 1, /^LIMIT_EXCEEDED .*needs more than/],
    [["--shape", "rows=9999999999999999"], 2, /sizes are whole numbers/],
    [["--backend", "sorcery"], 2, /Allowed choices/],
  ];
  for (const [options, code, stderr] of wrong) {
    t.match(await quipu("run", sum, ...options), { code, stdout: "", stderr }, `${options}`);
  }
  t.match(await quipu("bench", sum, "--repeats", "0"), { code: 2, stderr: /--repeats takes/ });
});

t.test("bench says how long and how much", async (t) => {
  const command = [process.execPath, program("quipu"), "model", "bench", knn];
  const options = ["--shape", "q=3", "--shape", "r=9", "--threads", "1", "--repeats", "3"];
  const { code, stdout } = executeIn(folder, [...command, ...options, "--json"]);
  t.equal(code, 0);
  const view = JSON.parse(stdout);
  t.match(view, { threads: 1, repeats: 3, inputs: [{ from: "seed 1" }, {}] });
  t.ok(view.p10Ms <= view.medianMs && view.medianMs <= view.p90Ms && view.p10Ms > 0);
  t.ok(view.compileMs > 0 && view.firstMs > 0 && view.residentBytes > 1e6);
  const page = await quipu("bench", knn, ...options.slice(0, 4), "--repeats", "1");
  t.match(page.stdout, /^run +[\d.]+ (ms|µs) {2}median of 1; p10 /m);
});

t.test("numbers by a seed, and how elements read", (t) => {
  for (const dtype of Object.keys(dtypeNumbers) as DType[]) {
    const drawn = randomTensor(dtype, [10, 100], 5);
    t.same(drawn, randomTensor(dtype, [10, 100], 5), dtype);
    const values = firstElements(drawn, 1000).map(Number);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (/float/.test(dtype)) t.ok(least >= -1 && least < -0.9 && most < 1 && most > 0.9, dtype);
    else if (dtype === "uint8") t.ok(least >= 0 && most > 250, dtype);
    else if (dtype === "int8") t.ok(least < -120 && most > 120, dtype);
    else t.same([least, most], [0, 1], dtype);
  }
  const of = (dtype: DType, bytes: ArrayBuffer, size: number) =>
    firstElements(
      tensorOver({ dtype, shape: [bytes.byteLength / size] }, new Uint8Array(bytes)),
      9,
    );
  const floats = Float32Array.of(0.1, -0, 1 / 3, 2 ** -149, 3.4028235e38, Number.NaN, -Infinity, 5);
  const read = [0.1, "-0", 0.33333334, 1e-45, 3.4028235e38, "NaN", "-Infinity", 5];
  t.same(of("float32", floats.buffer, 4), read);
  const halves = Uint16Array.of(0x3c00, 0xc100, 1, 0x7bff, 0x7c00, 0x7e00, 0x8000);
  t.same(of("float16", halves.buffer, 2), [1, -2.5, 2 ** -24, 65504, "Infinity", "NaN", "-0"]);
  t.same(of("bfloat16", Uint16Array.of(0x3f80, 0xc020).buffer, 2), [1, -2.5]);
  const wide = BigInt64Array.of(-1n, 2n ** 62n);
  t.same(of("int64", wide.buffer, 8), [-1, "4611686018427387904"]);
  t.end();
});
