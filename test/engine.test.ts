/** The engine from files to files, and the worker process around it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { blake3 } from "@noble/hashes/blake3.js";
import t from "tap";
import { parse } from "yaml";
import { digestOf, toHex } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { rerun } from "../src/cli/receipt/rerun.js";
import { bindInput } from "../src/compute/engine/bind-input.js";
import { int64 } from "../src/compute/engine/session.js";
import { readTable } from "../src/compute/engine/table.js";
import { runTensorTask, type TensorTaskOptions } from "../src/compute/engine/task.js";
import { vote } from "../src/compute/engine/vote.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { hashTree } from "../src/compute/native/hashing.js";
import { outputDigest } from "../src/model/artifact.js";
import {
  type JobSpec,
  jobDigest,
  jobSpec,
  type TableSource,
  type TensorTask,
} from "../src/model/job.js";
import { manifestDigest } from "../src/model/manifest.js";
import type { RunFacts } from "../src/model/run.js";
import type { WorkerReply, WorkerRequest } from "../src/model/worker-message.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
import { Worker, type WorkerPort } from "../src/worker/worker.js";
import { operatorModel } from "./onnx-writer.js";
import { receiptFacts } from "./receipt-vectors.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));

let folders = 0;
function newFolder(): string {
  folders += 1;
  const path = join(folder, `f${folders}`);
  mkdirSync(path);
  return path;
}

const modelPath = join("examples", "digits", "knn.onnx");
const dataFolder = join("examples", "data", "digits");
const anyDigest = `sha256:${"0".repeat(64)}`;

/** A job file of the examples; the command line puts the model's digest in place of its path. */
function exampleJob(name: string) {
  const file = parse(readFileSync(join("examples", "digits", name), "utf8"));
  if (file.task.model !== undefined) file.task.model = anyDigest;
  return jobSpec.parse(file);
}

const classify = exampleJob("classify.yaml").task as TensorTask;

async function run(task: TensorTask, more: Partial<TensorTaskOptions> = {}) {
  const outputFolder = newFolder();
  const options = { task, modelPath, dataFolder, outputFolder, ...more };
  return { ...(await runTensorTask(options)), outputFolder };
}

function readNpy(path: string): { header: string; body: Buffer } {
  const file = readFileSync(path);
  const start = 10 + file.readUInt16LE(8);
  return { header: file.toString("latin1", 0, start), body: file.subarray(start) };
}

t.test("digits are recognised, and every backend gives the same outputs", async (t) => {
  t.equal(exampleJob("manifest.yaml").task.driver, "hash");
  const seen: [number, string][] = [];
  const onProgress = (share: number, activity: string): void => {
    seen.push([share, activity]);
  };
  const { result, inputBytes, outputFolder } = await run(classify, { onProgress });
  t.match(result, { device: "cpu", determinism: "bitwise", arithmetic: "canonical-1" });
  t.same(result.outputs.map(({ name }) => name).sort(), readdirSync(outputFolder).sort());
  for (const { name, digest, blake3: hash, sizeBytes } of result.outputs) {
    const bytes = readFileSync(join(outputFolder, name));
    t.equal(digest, digestOf(bytes), name);
    t.equal(hash, toHex(blake3(bytes)), name);
    t.equal(sizeBytes, bytes.length);
  }
  const table = readFileSync(join(dataFolder, "digits.csv.gz"));
  t.equal(inputBytes, table.length + readFileSync(modelPath).length);
  const labels = gunzipSync(table)
    .toString()
    .trim()
    .split("\n")
    .filter((_, row) => row % 5 === 0)
    .map((row) => BigInt(row.split(",")[64] ?? ""));
  const { header, body } = readNpy(join(outputFolder, "predictions.npy"));
  t.match(header, /'descr': '<i8', 'fortran_order': False, 'shape': \(360,\), }/);
  t.equal(header.length % 64, 0);
  const right = labels.filter((label, row) => body.readBigInt64LE(row * 8) === label).length;
  t.ok(right / labels.length > 0.95, `accuracy ${right / labels.length}`);
  t.same(seen[0], [0, "reading the model and its inputs"]);
  t.same(seen.at(-1), [1, "done"]);

  const digest = outputDigest(result.outputs);
  for (const backend of capabilities({ probeCuda: false }).backends) {
    const again = await run({ ...classify, backend });
    t.equal(again.result.backend, backend);
    t.equal(outputDigest(again.result.outputs), digest, `task asks for ${backend}`);
    process.env.QUIPU_BACKEND = backend;
    const forced = await run(classify);
    delete process.env.QUIPU_BACKEND;
    t.equal(forced.result.backend, backend);
    t.equal(outputDigest(forced.result.outputs), digest, `QUIPU_BACKEND=${backend}`);
  }
});

t.test("the committed model is what its generator writes, and holds no data", async (t) => {
  const made = join(folder, "made.onnx");
  const generator = fork(join("examples", "digits", "make-model.mjs"), [made], { silent: true });
  await once(generator, "exit");
  t.same(readFileSync(made), readFileSync(modelPath));
  t.ok(readFileSync(modelPath).length < 1024);
});

t.test("tables are read exactly or not at all", async (t) => {
  const data = newFolder();
  const put = (name: string, text: string | Buffer): string => {
    writeFileSync(join(data, name), text);
    return name;
  };
  const long = Array.from({ length: 5000 }, (_, row) => `${row},${row / 7}`).join("\n");
  const table = await readTable(data, put("long.csv.gz", gzipSync(long)));
  t.same([table.rows, table.columns], [5000, 2]);
  t.equal(table.values[2 * 4999 + 1], 4999 / 7);
  const plain = await readTable(data, put("plain.csv", "1, -2.5e-3\r\n+.5,7.\r\n"));
  t.same([...plain.values], [1, -0.0025, 0.5, 7]);
  t.equal((await readTable(data, put("empty.csv", ""))).rows, 0);

  const refused: [string, string, RegExp][] = [
    ["nan", "1,2\n3,NaN\n", /nan\.csv, row 2, column 2: "NaN" where a finite number belongs/],
    ["infinite", "1,inf\n", /row 1, column 2/],
    ["large", "1e39\n", /row 1, column 1: "1e39"/],
    ["hex", "0x10\n", /row 1, column 1/],
    ["hole", "1,,2\n", /row 1, column 2: nothing where/],
    ["header", "a,b\n1,2\n", /row 1, column 1: "a"/],
    ["ragged", "1,2\n3\n", /row 2: 1 columns where row 1 has 2/],
    ["blank", "1,2\n\n3,4\n", /row 2: 1 columns where/],
    ["quoted", '"1","2"\n', /row 1, column 1/],
    ["digits", `${"1".repeat(65)}\n`, /row 1, column 1/],
  ];
  for (const [name, text, message] of refused) {
    const file = put(`${name}.csv`, text);
    await t.rejects(readTable(data, file), { code: "DATA_INVALID", message }, name);
  }
  const whole = gzipSync(long);
  const bad = put("cut.csv.gz", whole.subarray(0, whole.length - 20));
  await t.rejects(readTable(data, bad), { code: "DATA_INVALID", message: /not readable gzip/ });
  const never = put("never.csv.gz", "1,2\n");
  await t.rejects(readTable(data, never), { code: "DATA_INVALID", message: /not readable gzip/ });
  await t.rejects(readTable(data, "none.csv"), { code: "DATA_INVALID", message: /no file none/ });
  mkdirSync(join(data, "folder.csv"));
  await t.rejects(readTable(data, "folder.csv"), { code: "DATA_INVALID", message: /a folder/ });
  symlinkSync("/etc/passwd", join(data, "link.csv"));
  await t.rejects(readTable(data, "link.csv"), { code: "DATA_INVALID", message: /leads out of/ });
  symlinkSync("plain.csv", join(data, "inner.csv"));
  t.equal((await readTable(data, "inner.csv")).rows, 2);
  const aborted = AbortSignal.abort(new QuipuError("CANCELLED", "enough"));
  await t.rejects(readTable(data, "plain.csv", aborted), { code: "CANCELLED" });

  const source = { file: "x", columns: [1, 3] as [number, number], transpose: true };
  const values = Float64Array.from({ length: 12 }, (_, i) => i);
  const some = { ...source, rows: { modulo: 2, equals: [0] } };
  const bound = bindInput({ values, rows: 4, columns: 3, fileBytes: 0 }, some);
  t.same(bound.shape, [2, 2]);
  t.same([...bound.data], [1, 7, 2, 8]);
  const none = { ...source, rows: { modulo: 9, equals: [8] } };
  t.throws(() => bindInput({ values, rows: 4, columns: 3, fileBytes: 0 }, none), {
    code: "DATA_INVALID",
    message: "the job takes none of the 4 rows of x",
  });
  const wide = { ...source, columns: [1, 4] as [number, number] };
  t.throws(() => bindInput({ values, rows: 4, columns: 3, fileBytes: 0 }, wide), {
    code: "DATA_INVALID",
    message: /has 3 columns; the job asks for 1 to 4/,
  });
});

t.test("the vote: most votes, then the nearest", async (t) => {
  const labels = BigInt64Array.of(10n, 20n, 20n, 30n, 30n);
  const indices = (rows: number, ...data: number[]) =>
    int64([rows, data.length / rows], new BigInt64Array(data.map((index) => BigInt(index))));
  t.same([...vote(indices(2, 0, 1, 2, 3, 1, 0), labels)], [20n, 30n]);
  t.same([...vote(indices(1, 3, 1, 2, 4, 0), labels)], [30n], "two and two: 30 came first");
  t.throws(() => vote(indices(1, 5), labels), { code: "SHAPE_MISMATCH" });
  t.throws(() => vote(int64([3], BigInt64Array.of(0n, 1n, 2n)), labels), {
    code: "SHAPE_MISMATCH",
  });
});

t.test("a task that cannot run leaves no outputs", async (t) => {
  const fails = async (task: TensorTask, code: string, more: Partial<TensorTaskOptions> = {}) => {
    const outputFolder = newFolder();
    await t.rejects(run(task, { outputFolder, ...more }), { code }, code);
    t.same(readdirSync(outputFolder), []);
  };
  await fails(classify, "NOT_FOUND", { modelPath: join(folder, "no.onnx") });
  const vast = join(folder, "vast.onnx");
  writeFileSync(vast, "");
  truncateSync(vast, 3 * 2 ** 30); // a hole, which takes no room on the disk
  await fails(classify, "LIMIT_EXCEEDED", { modelPath: vast });
  await fails(classify, "MODEL_INVALID", { modelPath: join(dataFolder, "digits.csv.gz") });
  await fails(classify, "DATA_INVALID", { dataFolder: newFolder() });
  const { queries, references } = classify.inputs as Record<string, TableSource>;
  if (queries === undefined || references === undefined) throw new Error("no such inputs");
  await fails({ ...classify, inputs: { queries } }, "SHAPE_MISMATCH");
  const often = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x${i}`, queries]));
  await fails({ ...classify, inputs: often }, "LIMIT_EXCEEDED", { memoryBytesMax: 2_000_000 });
  await fails(classify, "LIMIT_EXCEEDED", { memoryBytesMax: 500_000 });
  const upright = { ...references, transpose: false };
  await fails({ ...classify, inputs: { queries, references: upright } }, "SHAPE_MISMATCH");
  const labels = { ...queries, columns: [64, 65] as [number, number] };
  const all = { ...references, columns: labels.columns, transpose: false };
  await fails({ ...classify, vote: { indices: "nothing", labels: all } }, "SHAPE_MISMATCH");
  await fails({ ...classify, vote: { indices: "scores", labels: all } }, "SHAPE_MISMATCH");
  await fails({ ...classify, vote: { indices: "indices", labels } }, "SHAPE_MISMATCH");
  await fails(classify, "CANCELLED", {
    signal: AbortSignal.abort(new QuipuError("CANCELLED", "")),
  });
  const odd = join(folder, "odd.onnx");
  writeFileSync(odd, operatorModel("Add"));
  await fails({ ...classify, inputs: { a: queries, b: queries } }, "SHAPE_MISMATCH", {
    modelPath: odd,
  });
});

t.test("a model without operators is as far as any other when it is done", async (t) => {
  const path = join(folder, "same.onnx");
  writeFileSync(path, operatorModel("Identity", 1));
  const shares: number[] = [];
  const { vote: _, inputs, ...rest } = classify;
  const task = { ...rest, inputs: { a: inputs.queries as TableSource } };
  await run(task, { modelPath: path, onProgress: (share) => void shares.push(share) });
  t.ok(
    shares.every((share) => share >= 0 && share <= 1),
    `${shares}`,
  );
});

t.test("a rerun takes the job's own model and data set, whatever a receipt lists", async (t) => {
  const task = { ...classify, model: digestOf(readFileSync(modelPath)) };
  const job = { ...exampleJob("classify.yaml"), task };
  const { result } = await run(task);
  const manifest = manifestDigest((await hashTree(dataFolder)).manifest);
  const dataSet = { name: "digits", manifestDigest: manifest, dataClass: "personal" as const };
  const parts = { dataFolder, modelPath, backend: "portable" as const };
  const again = (changes: Partial<RunFacts>) => {
    const facts = { ...receiptFacts, job, jobDigest: jobDigest(job), dataSet, result, ...changes };
    const inputs = changes.inputs ?? [task.model];
    const statement = buildStatement({ ...facts, inputs });
    return rerun({ ...parts, statement, signal: new AbortController().signal });
  };
  t.match(await again({}), { backend: "portable", equal: true });
  const other = { ...job, task: { ...task, model: `sha256:${"1".repeat(64)}` as const } };
  const asked = { job: other, jobDigest: jobDigest(other) };
  await t.rejects(again(asked), { code: "DIGEST_MISMATCH", message: /the model .* is not what/ });
  await t.rejects(again({ inputs: [] }), { code: "DIGEST_MISMATCH" });
  await t.rejects(again({ dataSet: { ...dataSet, name: "other" } }), { code: "DIGEST_MISMATCH" });
  const later = { ...job, version: "quipu.dev/v9" } as unknown as JobSpec;
  await t.rejects(again({ job: later, jobDigest: jobDigest(later) }), {
    code: "INVALID_ARGUMENT",
    message: /cannot run the receipt's job: version/,
  });
});

const workerPath = fileURLToPath(new URL("../src/main/worker.js", import.meta.url));

function startWorker(device: string): { child: ChildProcess; next: () => Promise<WorkerReply> } {
  const child = fork(workerPath, [device], { silent: true });
  const replies: WorkerReply[] = [];
  child.on("message", (reply) => replies.push(reply as WorkerReply));
  const next = async (): Promise<WorkerReply> => {
    while (replies.length === 0) await once(child, "message");
    return replies.shift() as WorkerReply;
  };
  return { child, next };
}

function request(task: TensorTask): WorkerRequest {
  return { kind: "run", runId: "run-1", task, modelPath, dataFolder, outputFolder: newFolder() };
}

t.test(
  "a worker process takes runs, refuses what it cannot do, and dies with its parent",
  async (t) => {
    const { child, next } = startWorker("cpu");
    t.match(await next(), { kind: "ready", device: "cpu", backends: /portable/ });
    const end = async (): Promise<WorkerReply> => {
      for (;;) {
        const reply = await next();
        if (reply.kind !== "progress") return reply;
      }
    };
    child.send(request(classify));
    t.match(await end(), {
      kind: "done",
      runId: "run-1",
      result: { device: "cpu" },
      cpuMs: Number,
    });
    child.send({ ...request(classify), modelPath: "/none" });
    t.match(await end(), { kind: "failed", runId: "run-1", error: { code: "NOT_FOUND" } });
    child.send(request({ ...classify, backend: "cuda" }));
    t.match(await end(), { kind: "failed", error: { code: "BACKEND_UNAVAILABLE" } });
    child.send(request(classify));
    child.send({ ...request(classify), runId: "run-2" });
    t.match(await end(), { kind: "failed", runId: "run-2", error: { code: "CONFLICT" } });
    t.match(await end(), { kind: "done", runId: "run-1" });
    child.kill("SIGTERM");
    child.send(request(classify));
    t.match(await end(), { kind: "done" }, "signals to the whole group are the agent's to answer");
    child.send(request(classify));
    child.disconnect();
    const [, signal] = await once(child, "exit");
    t.equal(signal, "SIGKILL");

    const strange = startWorker("cuda:7").child;
    let words = "";
    strange.stderr?.on("data", (chunk) => {
      words += String(chunk);
    });
    const [code] = await once(strange, "close");
    t.equal(code, 1);
    t.match(words, /BACKEND_UNAVAILABLE: no device cuda:7/);
  },
);

t.test("a lost device is replaced by the CPU once, and not trusted again", async (t) => {
  const sent: WorkerReply[] = [];
  let closed = 0;
  const port: WorkerPort = {
    send: (reply) => sent.push(reply),
    close: () => {
      closed += 1;
    },
    cpuMs: () => 0,
  };
  const asked: (string | undefined)[] = [];
  const lose = async (options: TensorTaskOptions) => {
    asked.push(options.backend);
    if (options.backend === "cuda" || options.task.backend === "cuda") {
      throw new QuipuError("DEVICE_LOST", "the device fell off the bus");
    }
    return runTensorTask(options);
  };
  const backends = ["cuda", "portable"] as const;
  const worker = new Worker("cuda:0", port, { compute: lose, backends });
  await worker.take(request(classify));
  t.same(asked, ["cuda", "portable"]);
  t.match(sent.at(-1), { kind: "done", result: { backend: "portable", device: "cpu" } });
  t.equal(closed, 1);
  await worker.take(request({ ...classify, backend: "cuda" }));
  t.match(sent.at(-1), { kind: "failed", error: { code: "DEVICE_LOST" } });
  t.equal(closed, 2);
});
