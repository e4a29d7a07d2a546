/** Jobs of the driver `tensor`: inputs out of files of the data folder, one file of outputs. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { concatBytes, digestOf } from "../src/base/bytes.js";
import { float32, int64 } from "../src/compute/engine/session.js";
import { runTensorTask } from "../src/compute/engine/task.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { jobDigest, jobSpec } from "../src/model/job.js";
import { failure } from "./failure.js";
import { bytesField, integerField, messageField, writeModel } from "./onnx-writer.js";
import { fieldsOf, folder, foreign, npy, readSafe } from "./tensor-file-world.js";

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

let runs = 0;
async function runTask(inputs: unknown, model: Uint8Array, memoryBytesMax?: number) {
  runs += 1;
  const outputFolder = join(folder, `out${runs}`);
  mkdirSync(outputFolder);
  const modelPath = join(folder, `${runs}.onnx`);
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
