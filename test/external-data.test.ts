/** Weights in files beside a model: read from its folder, and from nowhere else. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { concatBytes } from "../src/base/bytes.js";
import { compileForValues } from "../src/compute/engine/compile-files.js";
import { withExternalData } from "../src/compute/engine/external-data.js";
import { int64 } from "../src/compute/engine/session.js";
import { lower } from "../src/compute/tensor/lower/lower.js";
import { importOnnx } from "../src/compute/tensor/onnx/import.js";
import { failure } from "./failure.js";
import { bytesField, integerField, messageField, writeModel } from "./onnx-writer.js";

const base = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(base, { recursive: true }));
const folder = join(base, "model");
mkdirSync(join(folder, "parts"), { recursive: true });
const weights = Uint8Array.from({ length: 64 }, (_, index) => index);
writeFileSync(join(folder, "weights.bin"), weights);
writeFileSync(join(folder, "parts/more.bin"), weights);
writeFileSync(join(base, "outside.bin"), weights);
symlinkSync("weights.bin", join(folder, "inner-link.bin"));
symlinkSync("../outside.bin", join(folder, "outer-link.bin"));
symlinkSync("circle.bin", join(folder, "circle.bin"));

/** Of a tensor that lies in a file. */
function external(entries: Readonly<Record<string, string>>): Uint8Array {
  const fields = Object.entries(entries).map(([key, value]) =>
    messageField(13, bytesField(1, key), bytesField(2, value)),
  );
  return concatBytes(...fields, integerField(14, 1));
}

/** A model that gives out a constant of `size` elements, which lies in a file. */
function modelWith(entries: Readonly<Record<string, string>>, size: number): Uint8Array {
  return writeModel({
    nodes: [{ operator: "Identity", inputs: ["w"], outputs: ["y"] }],
    inputs: [],
    outputs: ["y"],
    constants: [{ name: "w", type: 2, dims: [size], fields: external(entries) }],
  });
}

function bytesOf(entries: Readonly<Record<string, string>>, size: number): number[] {
  const model = modelWith(entries, size);
  return withExternalData(folder, (read) => {
    const { outputs, buffers } = lower(
      importOnnx(model, (name) => name === "Identity", read),
      {},
    );
    return [...(buffers[outputs.get("y")?.buffer ?? -1]?.bytes ?? [])];
  });
}

const refusal = (entries: Readonly<Record<string, string>>, size = 4) =>
  failure(Promise.resolve().then(() => bytesOf(entries, size)));

t.test("a tensor is read where the model says", async (t) => {
  t.same(bytesOf({ location: "weights.bin" }, 4), [0, 1, 2, 3]);
  t.same(bytesOf({ location: "weights.bin", offset: "60", length: "4" }, 4), [60, 61, 62, 63]);
  t.same(bytesOf({ location: "parts/more.bin", offset: "1" }, 1), [1]);
  t.same(bytesOf({ location: "inner-link.bin" }, 64), [...weights]);
  t.same(bytesOf({ location: "weights.bin", offset: "64" }, 0), []);
});

t.test("a name that leads out of the folder is refused", async (t) => {
  const names = ["../outside.bin", "outer-link.bin", join(base, "outside.bin"), "parts/../../x"];
  for (const location of names) {
    const { code, message } = await refusal({ location });
    t.equal(code, "DATA_INVALID", JSON.stringify(location));
    t.match(message, /leads out of the model's folder|no such file/);
  }
});

t.test("what is no file, or too short, is refused", async (t) => {
  execFileSync("mkfifo", [join(folder, "pipe.bin")]);
  for (const [location, why] of [
    ["missing.bin", /no such file/],
    ["weights.bin/deeper", /no such file/],
    ["a\0b", /no such file/],
    ["parts", /no file/],
    [".", /leads out/],
    ["pipe.bin", /no file/],
    ["circle.bin", /circle/],
  ] as const) {
    const { code, message } = await refusal({ location });
    t.equal(code, "DATA_INVALID", JSON.stringify(location));
    t.match(message, why);
  }
  const short = await refusal({ location: "weights.bin", offset: "61" });
  t.equal(short.code, "DATA_INVALID");
  t.match(short.message, /has 64 bytes, and a tensor lies at 61 to 65/);
  const huge = await refusal({ location: "weights.bin" }, 2 ** 38);
  t.equal(huge.code, "LIMIT_EXCEEDED");
});

t.test("a model that contradicts itself is refused", async (t) => {
  for (const entries of [
    { location: "weights.bin", length: "5" },
    { location: "weights.bin", offset: "-1" },
    { location: "weights.bin", offset: "x" },
    { location: "" },
  ]) {
    t.equal((await refusal(entries)).code, "MODEL_INVALID", JSON.stringify(entries));
  }
});

t.test("weights are read once, also where the value of an input is asked for", (t) => {
  const model = writeModel({
    nodes: [{ operator: "Reshape", inputs: ["w", "shape"], outputs: ["y"] }],
    inputs: [{ name: "shape", type: 7, axes: [2] }],
    outputs: ["y"],
    constants: [{ name: "w", type: 2, dims: [4], fields: external({ location: "weights.bin" }) }],
  });
  const reads: string[] = [];
  const readExternal = (location: string, _offset: number, length: number) => {
    reads.push(location);
    return new Uint8Array(length);
  };
  const shape = int64([2], BigInt64Array.of(2n, 2n));
  const { inputs, outputs } = compileForValues(model, { shape }, { readExternal });
  t.same([inputs, outputs.map((port) => port.shape)], [[], [[2, 2]]]);
  t.same(reads, ["weights.bin"]);
  t.end();
});
