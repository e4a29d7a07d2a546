/** Fast runs where there is no device for them: what is refused, what really ran, and what receipts say. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { digestOf } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { rerun } from "../src/cli/receipt/rerun.js";
import { safetensorsFile } from "../src/compute/engine/safetensors.js";
import {
  type Fast,
  float32,
  type RunOptions,
  Session,
  type Tensor,
} from "../src/compute/engine/session.js";
import { runTensorTask, type TensorTaskOptions } from "../src/compute/engine/task.js";
import { tensorBytes } from "../src/compute/engine/tensor.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { hashTree } from "../src/compute/native/hashing.js";
import { jobDigest, jobSpec, type TensorTask } from "../src/model/job.js";
import { manifestDigest } from "../src/model/manifest.js";
import { isCheck, productCheckBytes } from "../src/model/product-check.js";
import type { RunResult } from "../src/model/run.js";
import type { WorkerReply } from "../src/model/worker-message.js";
import { checkProducts } from "../src/proof/audit/freivalds.js";
import { buildStatement, parseStatement, statementBytes } from "../src/proof/receipt/statement.js";
import { Worker } from "../src/worker/worker.js";
import { byFormula } from "./canonical-reference.js";
import { runIn } from "./cli-run.js";
import { type AttributeParts, int64Bytes, operatorModel, writeModel } from "./onnx-writer.js";
import { makeReceipt, receiptFacts } from "./receipt-vectors.js";
import { type Device, finish, roundedProduct } from "./rounded-product.js";
import { ask, cpu, gpu, job, sg } from "./scheduler-world.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));
const modelPath = resolve("examples", "digits", "knn.onnx");
const dataFolder = join("examples", "data", "digits");

const file = parse(readFileSync(join("examples", "digits", "classify.yaml"), "utf8"));
file.task.model = digestOf(readFileSync(modelPath));
const classify = jobSpec.parse(file);
const asked = (parts: Partial<TensorTask>) =>
  jobSpec.parse({ ...classify, task: { ...classify.task, ...parts } });

/** What a worker of a CUDA device says in the end, when it computes like this. */
async function answerOf(task: TensorTask, compute: typeof runTensorTask): Promise<WorkerReply> {
  const sent: WorkerReply[] = [];
  const port = { send: (reply: WorkerReply) => sent.push(reply), close: () => {}, cpuMs: () => 0 };
  const worker = new Worker("cuda:0", port, { compute, backends: ["cuda", "portable"] });
  const outputFolder = mkdtempSync(join(folder, "run-"));
  await worker.take({ kind: "run", runId: "run-1", task, modelPath, dataFolder, outputFolder });
  return sent.at(-1) as WorkerReply;
}

async function statementOf(spec: typeof classify, result: RunResult) {
  const { manifest } = await hashTree(dataFolder);
  const devices = [result.device];
  const facts = { ...receiptFacts, job: spec, jobDigest: jobDigest(spec), devices, result };
  const dataSet = { name: "digits", manifestDigest: manifestDigest(manifest) };
  const inputs = spec.task.driver === "tensor" ? [spec.task.model] : [];
  const data = { ...dataSet, dataClass: "personal" as const };
  return buildStatement({ ...facts, inputs, dataSet: data });
}

t.test("a run says whether others give its bits, and is never fast on the CPU", async (t) => {
  const session = Session.compile(operatorModel("MatMul"), { a: [5, 7], b: [7, 3] });
  const a = float32([5, 7], byFormula("unit", 1, 35));
  const b = float32([7, 3], byFormula("unit", 2, 21));
  const run = (options: RunOptions) => session.run({ a, b }, options);
  t.equal((await run({})).determinism, "bitwise");
  t.equal((await run({ pieces: 2, fast: undefined })).determinism, "bitwise");
  for (const backend of ["auto", ...capabilities({ probeCuda: false }).backends] as const) {
    if (backend === "cuda") continue;
    await t.rejects(run({ backend, fast: "tf32" }), {
      code: "BACKEND_UNAVAILABLE",
      message: /fast products \(tf32\) are computed by backend cuda alone/,
      next: /ask for backend cuda/,
    });
  }
  await t.rejects(run({ fast: "fp8" as Fast }), {
    code: "INVALID_ARGUMENT",
    message: /fast must be tf32 or bf16/,
  });
  if (!capabilities({ probeCuda: true }).cuda.usable) {
    const lacking = { code: "BACKEND_UNAVAILABLE", message: /backend cuda cannot run here/ };
    await t.rejects(run({ backend: "cuda", fast: "bf16" }), lacking);
  }
  t.equal((await run({})).determinism, "bitwise", "a refused run leaves the session as it was");
});

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

t.test("the command line passes it on", async (t) => {
  for (const verb of ["run", "bench"]) {
    const argv = ["model", verb, modelPath, "--shape", "q=1", "--shape", "r=20", "--random", "1"];
    const { code, stderr } = await runIn(folder, [...argv, "--fast", "bf16"]);
    t.not(code, 0);
    t.match(stderr, /fast products \(bf16\) are computed by backend cuda alone/, verb);
    const wrong = await runIn(folder, [...argv, "--fast", "fp8"]);
    t.match(wrong.stderr, /tf32, bf16/, "and no other precision");
  }
});

t.test("a fast job is placed on a CUDA device or waits for one", async (t) => {
  t.equal(jobDigest(asked({})), jobDigest(classify), "jobs that do not ask keep their digest");
  t.throws(() => asked({ fast: "tf32", backend: "avx2" }), /is for the backend cuda/);
  t.throws(() => asked({ fast: "fp8" as Fast }));
  const fast = job({ task: asked({ fast: "tf32" }).task });
  const placed = ask(fast, [{ ...sg, devices: [cpu, gpu] }]);
  t.match(placed.outcome, { kind: "placed", device: "cuda:0" });
  const waits = ask(fast, [sg]);
  t.match(waits.outcome, { kind: "queued" });
  t.match(waits.reasons, [{ text: "No device of this host runs backend cuda." }]);
});

t.test("a receipt says what really ran, and only canonical bits are compared", async (t) => {
  const spec = asked({ fast: "bf16" });
  const task = spec.task as TensorTask;
  const seen: (string | undefined)[] = [];
  const lose = async (options: TensorTaskOptions) => {
    seen.push(options.task.fast);
    if (options.backend !== "cuda") return runTensorTask(options);
    throw new QuipuError("DEVICE_LOST", "the device fell off the bus");
  };
  const moved = await answerOf(task, lose);
  t.same(seen, ["bf16", undefined]);
  const canonical = { backend: "portable", determinism: "bitwise", arithmetic: "canonical-1" };
  t.match(moved, { kind: "done", result: canonical });
  if (moved.kind !== "done") return;
  const again = async (result: RunResult) => {
    const statement = parseStatement(statementBytes(await statementOf(spec, result)));
    const signal = new AbortController().signal;
    const rerunning = { statement, dataFolder, modelPath, backend: "portable" as const, signal };
    return { execution: statement.predicate.execution, rerun: () => rerun(rerunning) };
  };
  const first = await again(moved.result);
  t.match(first.execution, canonical);
  t.match(await first.rerun(), { equal: true }, "the CPU's run of a fast job can be repeated");

  const none = { backend: "cuda", device: "cuda:0", determinism: "none", arithmetic: "" } as const;
  const done = await again({ ...moved.result, ...none });
  const { device, ...how } = none;
  const { devices, driver, engine, ...said } = done.execution ?? {};
  t.same([said, devices, driver, typeof engine], [how, [device], "tensor", "string"]);
  await t.rejects(done.rerun(), { code: "INVALID_ARGUMENT", message: /did not promise/ });

  const cuda = asked({ fast: "bf16", backend: "cuda" }).task as TensorTask;
  t.match(await answerOf(cuda, lose), { kind: "failed", error: { code: "DEVICE_LOST" } });
  const lacking = async () => {
    throw new QuipuError("BACKEND_UNAVAILABLE", "fast products need cuBLASLt");
  };
  const failed = { kind: "failed", error: { code: "BACKEND_UNAVAILABLE" } };
  t.match(await answerOf(task, lacking), failed, "a missing library is no reason to move");
});
