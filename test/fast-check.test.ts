/** What a fast run gave is checked against its inputs: by quipu verify, and by the worker of a host that is asked. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { safetensorsFile } from "../src/compute/engine/safetensors.js";
import { type Fast, float32, Session, type Tensor } from "../src/compute/engine/session.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { hashTree } from "../src/compute/native/hashing.js";
import { jobDigest } from "../src/model/job.js";
import { manifestDigest } from "../src/model/manifest.js";
import { isCheck, productCheckBytes } from "../src/model/product-check.js";
import type { RunResult } from "../src/model/run.js";
import type { WorkerReply } from "../src/model/worker-message.js";
import { checkProducts } from "../src/proof/audit/freivalds.js";
import { Worker } from "../src/worker/worker.js";
import { byFormula } from "./canonical-reference.js";
import { runIn } from "./cli-run.js";
import { asked } from "./fast-job.js";
import { type AttributeParts, int64Bytes, operatorModel, writeModel } from "./onnx-writer.js";
import { makeReceipt, receiptFacts } from "./receipt-vectors.js";
import { type Device, finish, roundedProduct } from "./rounded-product.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));

/** A model of inputs a and b to c, which the job reads from files of the data set. */
interface FastRun {
  readonly model: Uint8Array;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly output: Tensor;
  readonly fast?: Fast;
}

/** A folder with a receipt of a run on a device that is not here, its data set, model and output. */
async function receiptOf({ model, inputs, output, fast = "tf32" }: FastRun) {
  const at = mkdtempSync(join(folder, "fast-"));
  const [data, modelFile, outputFile] = ["data", "m.onnx", "outputs.safetensors"].map((name) =>
    join(at, name),
  ) as [string, string, string];
  mkdirSync(data);
  const given = Object.keys(inputs);
  for (const [name, tensor] of Object.entries(inputs)) {
    writeFileSync(join(data, `${name}.safetensors`), tensorsFile({ [name]: tensor }));
  }
  writeFileSync(modelFile, model);
  const bytes = tensorsFile({ c: output });
  writeFileSync(outputFile, bytes);
  const spec = asked({
    model: digestOf(model),
    inputs: Object.fromEntries(
      given.map((name) => [name, { file: `${name}.safetensors`, tensor: name }]),
    ),
    vote: undefined,
    fast,
  });
  const { manifest } = await hashTree(data);
  const dataSet = {
    name: "digits",
    manifestDigest: manifestDigest(manifest),
    dataClass: "public" as const,
  };
  const result: RunResult = {
    ...{ device: "cuda:0", backend: "cuda", determinism: "none", arithmetic: "" },
    outputs: [
      {
        name: "outputs.safetensors",
        digest: digestOf(bytes),
        blake3: "b1".repeat(32),
        sizeBytes: bytes.length,
        mediaType: "application/x-safetensors",
      },
    ],
  };
  const ran = { ...receiptFacts, job: spec, jobDigest: jobDigest(spec), devices: ["cuda:0"] };
  const { files } = await makeReceipt({ ...ran, inputs: [digestOf(model)], dataSet, result });
  for (const { name, content } of files) writeFileSync(join(at, name), content);
  const receipt = join(at, "digits.sigstore.json");
  const { name, manifestDigest: digest, dataClass } = dataSet;
  const facts = join(at, "facts.json");
  const known = { name, dataClass, owner: "lab", countries: [], manifestDigest: digest };
  const sizes = { merkleRoot: "c1".repeat(32), sizeBytes: 1, files: given.length };
  writeFileSync(facts, JSON.stringify({ dataSets: [{ ...known, ...sizes }] }));
  const argv = [
    ...["verify", receipt, "--rerun", "--data", data, "--model", modelFile],
    ...["--data-facts", facts, "--policy", join("deploy", "policy", "base.cedar")],
  ];
  return (...more: string[]) =>
    runIn(folder, [...argv, ...here, ...more.map((one) => one.replace("@", outputFile))]);
}

const here = ["--place", "country=SG,site=private"];

function tensorsFile(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const ports = Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
  const { bytes, offsets } = safetensorsFile(ports);
  for (const [name, at] of offsets) bytes.set(tensorBytes(tensors[name] as Tensor), at);
  return bytes;
}

const device: Device = {
  ...{ format: "tf32", operands: "cut", group: 8, extraBits: 1, parts: 2, flushes: false },
};

function operands(m: number, n: number, k: number) {
  const [a, b] = [byFormula("unit", 3, m * k), byFormula("unit", 4, k * n)];
  return { m, n, k, a, b };
}

t.test("what a fast run gave is checked against its inputs", async (t) => {
  const product = operands(6, 40, 30);
  const c = roundedProduct(product, device);
  const run = {
    model: operatorModel("MatMul"),
    inputs: { a: float32([6, 30], product.a), b: float32([30, 40], product.b) },
  };
  const verify = await receiptOf({ ...run, output: float32([6, 40], c) });
  const json = async (answer: ReturnType<typeof verify>) => JSON.parse((await answer).stdout);
  const first = await verify("--file", "@");
  t.equal(first.code, 0, first.stderr);
  t.match(
    first.stdout,
    /ok {6}product {5}within the error model.* of tf32, in 20 rounds of --seed [0-9a-f]{64}\n/,
  );
  const seeded = ["--file", "@", "--rounds", "7", "--seed", "mine", "--json"];
  const value = await json(verify(...seeded));
  const facts = {
    format: "tf32",
    rounds: 7,
    seed: "mine",
    within: true,
    elements: 240,
    unchecked: 0,
  };
  t.match(value, { ok: true, receipts: [{ product: facts }] });
  t.ok(value.receipts[0].product.worst > 0 && value.receipts[0].product.worst < 1);
  t.same(await json(verify(...seeded)), value, "the same seed, the same rounds");
  t.equal("rerun" in value.receipts[0], false);

  t.match(await verify(), {
    code: 2,
    stderr:
      /USAGE.*tf32.*other bits prove nothing[\s\S]*outputs.safetensors of the run with --file/,
  });
  t.match(await verify("--file", "@", "--rounds", "0"), { code: 2, stderr: /--rounds takes/ });

  c[77] = (c[77] as number) + 10;
  const wrong = await receiptOf({ ...run, output: float32([6, 40], c) });
  const answer = await wrong("--file", "@");
  t.match(answer, {
    code: 6,
    stdout: /FAILED {2}product {5}not within the error model: residuals of up to/,
  });
  t.match(await json(wrong("--file", "@", "--json")), {
    ok: false,
    receipts: [{ product: { within: false } }],
  });
  c[77] = Number.NaN;
  const odd = await receiptOf({ ...run, output: float32([6, 40], c) });
  t.match(await odd("--file", "@"), { code: 6, stdout: /it holds what is not finite/ });
  t.match(await json(odd("--file", "@", "--json")), { receipts: [{ product: { worst: null } }] });
  const other = await receiptOf({ ...run, output: float32([40, 6], c) });
  t.match(await other("--file", "@"), { code: 1, stderr: /SHAPE_MISMATCH/ });
  const none = {
    ...run.inputs,
    a: float32(
      [6, 30],
      product.a.map(() => Number.NaN),
    ),
  };
  const lost = await receiptOf({ ...run, inputs: none, output: float32([6, 40], c) });
  t.match(await lost("--file", "@"), {
    code: 1,
    stderr: /LIMIT_EXCEEDED.*nothing of this product/,
  });
});

t.test("only a model that is one product is", async (t) => {
  const { a, b } = operands(6, 5, 7);
  const c = roundedProduct({ m: 6, n: 5, k: 7, a, b }, device);
  const inputs = { a: float32([6, 7], a), b: float32([7, 5], b) };
  const transposed = new Float32Array(35).map(
    (_, at) => b[(at % 7) * 5 + Math.floor(at / 7)] as number,
  );
  const raw = new Uint8Array(transposed.buffer);
  const gemm = (attributes: Readonly<Record<string, AttributeParts>>) =>
    writeModel({
      nodes: [{ operator: "Gemm", inputs: ["a", "w"], outputs: ["c"], attributes }],
      inputs: [{ name: "a" }],
      outputs: ["c"],
      constants: [{ name: "w", type: 1, dims: [5, 7], raw }],
    });
  const output = float32([6, 5], c);
  const weights = await receiptOf({ model: gemm({ transB: 1 }), inputs: { a: inputs.a }, output });
  t.match(
    await weights("--file", "@"),
    { code: 0, stdout: /ok {6}product/ },
    "weights of the model, transposed",
  );
  const scaled = {
    model: gemm({ transB: 1, alpha: { float: 2 } }),
    inputs: { a: inputs.a },
    output,
  };
  t.match(await (await receiptOf(scaled))("--file", "@"), {
    code: 1,
    stderr:
      /MODEL_UNSUPPORTED.*rounded its matrix products to tf32.*computes more with its product/,
  });
  const two = writeModel({
    nodes: [
      { operator: "MatMul", inputs: ["a", "b"], outputs: ["ab"] },
      { operator: "MatMul", inputs: ["a", "b"], outputs: ["again"] },
      { operator: "Add", inputs: ["ab", "again"], outputs: ["c"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["c"],
  });
  const twice = await receiptOf({ model: two, inputs, output });
  t.match(await twice("--file", "@"), { code: 1, stderr: /it has 2 matrix products/ });
  const before = writeModel({
    nodes: [
      { operator: "Neg", inputs: ["a"], outputs: ["minus"] },
      { operator: "MatMul", inputs: ["minus", "b"], outputs: ["flat"] },
      { operator: "Unsqueeze", inputs: ["flat", "axes"], outputs: ["c"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["c"],
    constants: [{ name: "axes", type: 7, dims: [1], raw: int64Bytes(0) }],
  });
  const negative = {
    model: before,
    inputs,
    output: float32(
      [1, 6, 5],
      c.map((one) => -one),
    ),
  };
  t.match(
    await (await receiptOf(negative))("--file", "@"),
    { code: 0 },
    "operands that are computed",
  );
});

t.test("a worker answers whether what was claimed is within the error model", async (t) => {
  const data = mkdtempSync(join(folder, "checked-"));
  const [product, model] = [operands(6, 40, 30), operatorModel("MatMul")];
  const given = { a: float32([6, 30], product.a), b: float32([30, 40], product.b) };
  const put = (name: string, bytes: Uint8Array) => {
    const path = join(data, name);
    writeFileSync(path, bytes);
    return path;
  };
  put("given.safetensors", tensorsFile(given));
  const nothing = {
    ...given,
    a: float32(
      [6, 30],
      product.a.map(() => Number.NaN),
    ),
  };
  put("nothing.safetensors", tensorsFile(nothing));
  const file = (name: string) => ({
    a: { file: name, tensor: "a" },
    b: { file: name, tensor: "b" },
  });
  const claims = async (
    claimed: Uint8Array | undefined,
    of = model,
    name = "given.safetensors",
  ) => {
    const outputs = digestOf(claimed ?? new Uint8Array());
    const check = { outputs, seed: "5e".repeat(32), rounds: 20 };
    const parts = { model: digestOf(of), inputs: file(name), vote: undefined };
    const { task } = asked({ ...parts, fast: "tf32", check });
    if (task.driver !== "tensor" || !isCheck(task)) throw new Error("no check");
    const sent: WorkerReply[] = [];
    const send = (reply: WorkerReply) => void sent.push(reply);
    const worker = new Worker("cpu", { send, close: () => {}, cpuMs: () => 0 });
    const outputFolder = mkdtempSync(join(folder, "run-"));
    await worker.take({
      ...{ kind: "run", runId: "run-1", task, outputFolder, dataFolder: data },
      modelPath: put("m.onnx", of),
      ...(claimed === undefined ? {} : { claimedPath: put("claimed", claimed) }),
    });
    return { task, reply: sent.at(-1), outputFolder };
  };
  const c = roundedProduct(product, device);
  const right = tensorsFile({ c: float32([6, 40], c) });
  c[77] = (c[77] as number) + 10;
  const wrong = tensorsFile({ c: float32([6, 40], c) });
  for (const [claimed, isWithin] of [
    [right, true],
    [wrong, false],
  ] as const) {
    const { task, reply, outputFolder } = await claims(claimed);
    const bytes = productCheckBytes(task, isWithin);
    t.match(reply, {
      kind: "done",
      result: {
        outputs: [{ name: "check.json", digest: digestOf(bytes), sizeBytes: bytes.length }],
        determinism: "bitwise",
      },
      inputBytes: model.length + tensorsFile(given).length + claimed.length,
    });
    t.same(new Uint8Array(readFileSync(join(outputFolder, "check.json"))), bytes);
  }
  const fails = async (...claim: Parameters<typeof claims>) => {
    const { reply } = await claims(...claim);
    return reply?.kind === "failed" ? `${reply.error.code}: ${reply.error.message}` : reply?.kind;
  };
  t.match(await fails(new Uint8Array([1, 2, 3])), /^DATA_INVALID: outputs.safetensors /);
  t.match(await fails(tensorsFile({ d: float32([6, 40], c) })), /^DATA_INVALID: .* c\b/);
  t.equal(
    await fails(tensorsFile({ c: float32([40, 6], c) })),
    "SHAPE_MISMATCH: outputs.safetensors holds c as float32 [40, 6], and the model gives float32 [6, 40]",
  );
  t.match(await fails(undefined), /^INVALID_ARGUMENT: .* not granted/);
  t.match(await fails(right, model, "nothing.safetensors"), /^LIMIT_EXCEEDED: nothing of this/);
  const more = writeModel({
    nodes: [
      { operator: "MatMul", inputs: ["a", "b"], outputs: ["ab"] },
      { operator: "Neg", inputs: ["ab"], outputs: ["c"] },
    ],
    inputs: [{ name: "a" }, { name: "b" }],
    outputs: ["c"],
  });
  t.match(await fails(right, more), /^MODEL_UNSUPPORTED: .*computes more with its product/);
});

t.test("each matrix of a batch is found, also where one is used twice", async (t) => {
  const a = byFormula("unit", 5, 2 * 3 * 4);
  const b = byFormula("unit", 6, 5 * 4 * 2);
  const shapes: [readonly number[], readonly number[], readonly number[], number][] = [
    [[2, 3, 4], [4, 2], [2, 3, 2], 1],
    [[3, 4], [5, 4, 2], [5, 3, 2], 5],
    [[2, 1, 3, 4], [5, 4, 2], [2, 5, 3, 2], 10],
    [[4], [4, 2], [2], 1],
  ];
  for (const [left, right, of, matrices] of shapes) {
    const size = (shape: readonly number[]) => shape.reduce((all, one) => all * one, 1);
    const inputs = {
      a: float32(left, a.slice(0, size(left))),
      b: float32(right, b.slice(0, size(right))),
    };
    const session = Session.compile(operatorModel("MatMul"), { a: left, b: right });
    const c = (await session.run(inputs)).outputs.get("c") as Tensor;
    const again = Session.compileOperands(operatorModel("MatMul"), inputs);
    t.match(again.output, { name: "c", dtype: "float32", shape: of });
    t.equal(again.shape.pairs.length, matrices);
    const operands = (await again.session.run(inputs)).outputs;
    const [x, y] = ["a", "b"].map((name) => operands.get(name)?.data as Float32Array);
    const products = { ...again.shape, a: x as Float32Array, b: y as Float32Array };
    const options = { format: "tf32", rounds: 20, seed: "" } as const;
    const judge = (data: Float32Array) =>
      finish(checkProducts({ ...products, c: data }, options)).within;
    const data = c.data as Float32Array;
    t.equal(judge(data), true, `${left} x ${right}`);
    t.equal(judge(data.map((one, at) => (at === data.length - 1 ? one + 1 : one))), false);
  }
  const square = writeModel({
    nodes: [{ operator: "MatMul", inputs: ["a", "a"], outputs: ["c"] }],
    inputs: [{ name: "a" }],
    outputs: ["c"],
  });
  const one = operands(4, 4, 4);
  const c = roundedProduct({ ...one, b: one.a }, device);
  const verify = await receiptOf({
    model: square,
    inputs: { a: float32([4, 4], one.a) },
    output: float32([4, 4], c),
  });
  t.match(await verify("--file", "@"), { code: 0 }, "a matrix times itself");
});
