/** The agent's work on a host: hooks, drivers and real worker processes. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Assignment } from "../src/agent/assignment.js";
import { Reservations } from "../src/agent/hooks/reserve-device.js";
import type { RunnerHost } from "../src/agent/hooks/work.js";
import { HostRunner } from "../src/agent/runner.js";
import { parseReply } from "../src/agent/worker-reply.js";
import { Worker, type WorkerOptions } from "../src/agent/workers.js";
import { digestOf } from "../src/base/bytes.js";
import { type ErrorCode, QuipuError } from "../src/base/errors.js";
import { treeStamp } from "../src/compute/native/hash-tree.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import { emptyManifest, type Manifest, manifestDigest } from "../src/model/manifest.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-agent-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** Does what the model's file name says. */
const fakeWorker = join(folder, "worker.mjs");
writeFileSync(
  fakeWorker,
  `import { writeFileSync } from "node:fs";
const device = process.argv[2];
if (device === "cuda:9") { console.error("no such device"); process.exit(3); }
process.on("disconnect", () => process.exit(0));
process.send({ kind: "ready", device, backends: ["portable"] });
process.on("message", (request) => {
  const { runId, outputFolder } = request;
  const how = request.modelPath.split("/").pop();
  console.log("doing " + how);
  if (how === "die") process.kill(process.pid, "SIGKILL");
  if (how === "babble") process.send({ kind: "done", runId });
  if (how === "fail") {
    process.send({ kind: "failed", runId, error: { code: "MODEL_INVALID", message: "not a model" } });
  }
  if (how === "work") {
    writeFileSync(outputFolder + "/out.bin", "bits");
    process.send({ kind: "progress", runId, progress: 0.5, activity: "half" });
    const digest = "${digestOf(Buffer.from("bits"))}";
    const output = { name: "out.bin", digest, blake3: "0".repeat(64), sizeBytes: 4, mediaType: "a/b" };
    const result = { outputs: [output], device, backend: "portable", determinism: "bitwise", arithmetic: "canonical-1" };
    process.send({ kind: "done", runId, result, cpuMs: 1.5, inputBytes: 10 });
  }
});
`,
);

type TestEnd = Pick<typeof t, "teardown" | "fail">;

const silent = { progress: () => {}, log: () => {} };

function newWorker(t: TestEnd, change: Partial<WorkerOptions> = {}): Worker {
  const usual = { workerPath: fakeWorker, device: "cpu", observe: () => {} };
  const worker = new Worker({ ...usual, ...change });
  t.teardown(() => worker.close());
  return worker;
}

const task = jobSpec.parse({
  version: "quipu.dev/v1",
  name: "knn",
  task: { driver: "tensor", model: digestOf(Buffer.of()), inputs: {} },
}).task;

function ask(how: string) {
  if (task.driver !== "tensor") throw new Error("not a tensor task");
  const runId = `run-${how}`;
  return {
    kind: "run",
    runId,
    task,
    modelPath: `/models/${how}`,
    dataFolder: "/",
    outputFolder: folder,
  } as const;
}

const never = new AbortController().signal;

t.test("a worker runs, fails, dies, is killed, and each time serves again", async (t) => {
  // What a worker wrote just before its answer may be read after it, and is then no run's line.
  const lines: string[] = [];
  const worker = newWorker(t, { observe: (line) => void lines.push(line) });
  t.same(await worker.ready(), { device: "cpu", backends: ["portable"] });
  const steps: string[] = [];
  const hooks = {
    progress: (_: number, activity: string) => void steps.push(activity),
    log: (line: string) => void lines.push(line),
  };
  const done = await worker.run(ask("work"), hooks, never);
  t.same([done.cpuMs, done.inputBytes, steps], [1.5, 10, ["half"]]);
  await t.rejects(worker.run(ask("fail"), hooks, never), { code: "MODEL_INVALID" });
  await t.rejects(worker.run(ask("die"), hooks, never), {
    code: "WORKER_DIED",
    message: /SIGKILL.*last words: doing die/,
  });
  t.same(lines.slice(0, 3), ["doing work", "doing fail", "doing die"]);
  await t.rejects(worker.run(ask("babble"), hooks, never), { code: "INTERNAL" });

  const control = new AbortController();
  const hanging = worker.run(ask("hang"), hooks, control.signal);
  await new Promise<void>((resolve) => {
    const seen = setInterval(() => {
      if (!lines.includes("doing hang")) return;
      clearInterval(seen);
      resolve();
    }, 5);
  });
  control.abort(new QuipuError("CANCELLED", "stopped by the test"));
  await t.rejects(hanging, { code: "CANCELLED" });
  t.equal((await worker.run(ask("work"), silent, never)).kind, "done");
});

t.test("a worker that cannot start fails its runs instead of holding them", async (t) => {
  const worker = newWorker(t, { device: "cuda:9" });
  await t.rejects(worker.ready(), { code: "WORKER_DIED", message: /no such device/ });
  await t.rejects(worker.run(ask("work"), silent, never), { code: "WORKER_DIED" });
  const missing = newWorker(t, { workerPath: join(folder, "nowhere.mjs") });
  const control = new AbortController();
  const waiting = missing.run(ask("work"), silent, control.signal);
  control.abort(new QuipuError("CANCELLED", "stopped by the test"));
  await t.rejects(waiting, { code: "CANCELLED" });
  const mute = join(folder, "mute.mjs");
  writeFileSync(mute, "setInterval(() => {}, 1_000);");
  const late = newWorker(t, { workerPath: mute, readyMs: 50 });
  await t.rejects(late.ready(), { code: "WORKER_DIED", message: /not ready within 50 ms/ });
});

t.test("what a worker says is checked before it is used", (t) => {
  const output = {
    name: "a",
    digest: digestOf(Buffer.of()),
    blake3: "0".repeat(64),
    sizeBytes: 0,
    mediaType: "a/b",
  };
  const done = (change: object) => ({
    kind: "done",
    runId: "run-1",
    cpuMs: 0,
    inputBytes: 0,
    result: {
      outputs: [{ ...output, ...change }],
      device: "cpu",
      backend: "portable",
      determinism: "bitwise",
      arithmetic: "",
    },
  });
  t.equal(parseReply(done({})).kind, "done");
  for (const change of [
    { name: "../keys" },
    { name: "a/b" },
    { name: "" },
    { digest: "sha256:1" },
    { blake3: "x" },
    { sizeBytes: -1 },
    { sizeBytes: Number.NaN },
  ]) {
    t.throws(() => parseReply(done(change)), { code: "INTERNAL" }, JSON.stringify(change));
  }
  for (const message of [null, 1, {}, { kind: "ready", device: 1 }, { kind: "done" }]) {
    t.throws(() => parseReply(message), { code: "INTERNAL" });
  }
  t.end();
});

t.test("one run a device at a time, in order, past those that give up", async (t) => {
  const reservations = new Reservations();
  const order: string[] = [];
  const free = await reservations.take("cpu", true, never);
  const control = new AbortController();
  const gaveUp = reservations.take("cpu", true, control.signal);
  const last = reservations.take("cpu", true, never).then((freeLast) => {
    order.push("last");
    freeLast();
  });
  control.abort(new QuipuError("CANCELLED", "gave up"));
  await t.rejects(gaveUp, { code: "CANCELLED" });
  await reservations.take("cuda:0", true, never);
  t.same(order, []);
  order.push("freed");
  free();
  await last;
  t.same(order, ["freed", "last"]);
});

t.test("light runs share a device; one that needs it whole waits for all before it", async (t) => {
  const reservations = new Reservations();
  const order: string[] = [];
  const first = await reservations.take("cpu", false, never);
  const second = await reservations.take("cpu", false, never);
  const whole = reservations.take("cpu", true, never).then((free) => {
    order.push("whole");
    return free;
  });
  const late = reservations.take("cpu", false, never).then((free) => {
    order.push("late");
    return free;
  });
  second();
  await new Promise(setImmediate);
  t.same(order, [], "the first still works");
  first();
  const free = await whole;
  await new Promise(setImmediate);
  t.same(order, ["whole"], "whoever asked behind it waits for it");
  free();
  (await late)();
  t.same(order, ["whole", "late"]);
});

interface Bench {
  readonly host: RunnerHost;
  readonly runner: HostRunner;
  readonly assignment: Assignment;
  readonly adopted: Map<string, string>;
}

/** A host with one data set and a hash job on it; `spec` replaces parts of the job. */
function bench(t: TestEnd, change: { task?: JobSpec["task"]; workers?: Worker[] } = {}): Bench {
  const root = mkdtempSync(join(folder, "host-"));
  const data = join(root, "data", "digits");
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, "a.csv"), "1,2\n");
  const entry = { path: "a.csv", sizeBytes: 4, sha256: "1".repeat(64), blake3: "2".repeat(64) };
  const manifest: Manifest = {
    version: "quipu.dev/manifest/v1",
    entries: [entry],
    merkleRoot: "3".repeat(64),
  };
  const job = jobSpec.parse({
    version: "quipu.dev/v1",
    name: "count",
    dataSet: "digits",
    task: change.task ?? { driver: "hash" },
  });
  const adopted = new Map<string, string>();
  const host: RunnerHost = {
    clock: { wallMs: () => Date.now(), bootMs: () => performance.now() },
    dataFolder: join(root, "data"),
    scratchFolder: join(root, "scratch"),
    workers: new Map((change.workers ?? []).map((worker) => [worker.device, worker])),
    hashBackend: "portable",
    blake3: () => "4".repeat(64),
    hashTree: async (folder) => ({ manifest, stamp: await treeStamp(folder) }),
    treeStamp,
    fetchInput: async ({ digest, url }) => {
      if (url === "") throw new QuipuError("UNAVAILABLE", `nobody serves ${digest}`);
      return { path: url, sizeBytes: 7 };
    },
    adoptOutput: async (path, { name }) => {
      adopted.set(name, await readFile(path, "utf8"));
    },
    keepOutput: async (bytes, { name }) => {
      adopted.set(name, new TextDecoder().decode(bytes));
    },
    cpuMs: () => performance.now(),
    observe: (text) => t.fail(text),
  };
  const assignment: Assignment = {
    runId: "run-1",
    epoch: 1,
    jobId: "job-1",
    job,
    jobDigest: jobDigest(job),
    decisionDigest: jobDigest(job),
    policyDigest: jobDigest(job),
    leaseMs: 10_000,
    device: "cpu",
    devices: ["cpu"],
    inputs: [],
    dataSet: { name: "digits", manifestDigest: manifestDigest(manifest), dataClass: "personal" },
  };
  return { host, runner: new HostRunner(host), assignment, adopted };
}

t.test("the hooks check, fetch, run, measure, and always release", async (t) => {
  const { host, runner, assignment, adopted } = bench(t);
  const steps: string[] = [];
  const report = await runner.start(assignment, {
    ...silent,
    progress: (_, activity) => void steps.push(activity),
  });
  t.equal(report.failure, undefined);
  t.same(steps, [
    "checking the data",
    "fetching inputs",
    "waiting for the device",
    "running",
    "storing the outputs",
  ]);
  const [output] = report.result?.outputs ?? [];
  const bytes = adopted.get("manifest.json") ?? "";
  t.equal(output?.digest, digestOf(Buffer.from(bytes)));
  t.equal(output?.digest, assignment.dataSet?.manifestDigest);
  t.same([report.usage.inputBytes, report.usage.outputBytes], [4, bytes.length]);
  t.notOk(existsSync(host.scratchFolder), "bytes in memory need no folder");

  const code = async (parts: Bench): Promise<ErrorCode | undefined> => {
    const { failure } = await parts.runner.start(parts.assignment, silent);
    t.same(readdirSync(parts.host.dataFolder), ["digits"]);
    return failure?.code;
  };
  const changed = bench(t);
  const other = { ...assignment.dataSet, manifestDigest: digestOf(Buffer.of(1)) };
  Object.assign(changed.assignment, { dataSet: other });
  t.equal(await code(changed), "DATA_CHANGED");

  const grant = { digest: digestOf(Buffer.of()), url: "/x", token: "" };
  const changes: readonly ((data: string) => void)[] = [
    // A writer that is clever enough to keep size and modification time.
    (data) => chmodSync(join(data, "a.csv"), 0o600),
    (data) => renameSync(join(data, "a.csv"), join(data, "b.csv")),
    (data) => symlinkSync("a.csv", join(data, "link")),
    (data) => {
      rmSync(data, { recursive: true });
      writeFileSync(data, "");
    },
  ];
  for (const change of changes) {
    const moving = bench(t);
    const fetch = moving.host.fetchInput;
    Object.assign(moving.host, {
      fetchInput: async (...parts: Parameters<typeof fetch>) => {
        change(join(moving.host.dataFolder, "digits"));
        return fetch(...parts);
      },
    });
    Object.assign(moving.assignment, { inputs: [grant] });
    t.equal(await code(moving), "DATA_CHANGED", `${change}`);
  }

  const unserved = bench(t);
  Object.assign(unserved.assignment, { inputs: [{ ...grant, url: "" }] });
  t.equal(await code(unserved), "UNAVAILABLE");

  const without = bench(t);
  const { dataSet: _, ...rest } = without.assignment;
  const nothing = await without.runner.start(rest, silent);
  t.match(nothing.result?.outputs, [
    { name: "manifest.json", digest: manifestDigest(emptyManifest) },
  ]);
});

t.test("a tensor job goes to the device's worker; a stop kills it and frees all", async (t) => {
  const worker = newWorker(t);
  const model = digestOf(Buffer.of());
  const tensor = (how: string): Bench => {
    const parts = bench(t, {
      task: { ...task, driver: "tensor", model } as never,
      workers: [worker],
    });
    const inputs = [{ digest: model, url: `/models/${how}`, token: "" }];
    return { ...parts, assignment: { ...parts.assignment, inputs } };
  };
  const works = tensor("work");
  const done = await works.runner.start(works.assignment, silent);
  t.same([done.isolation, done.result?.arithmetic], ["process", "canonical-1"]);
  t.same([...works.adopted], [["out.bin", "bits"]]);
  t.same([done.usage.inputBytes, done.usage.outputBytes], [10, 4]);

  const late = tensor("work");
  const table = { file: "late.csv", columns: [0, 1], transpose: false };
  const { task: known } = late.assignment.job;
  Object.assign(late.assignment.job, { task: { ...known, inputs: { x: table } } });
  writeFileSync(join(late.host.dataFolder, "digits", "late.csv"), "1\n");
  const unseen = await late.runner.start(late.assignment, silent);
  t.equal(unseen.failure?.code, "DATA_INVALID", "a file that the checked manifest does not hold");

  const dies = tensor("die");
  const died = await dies.runner.start(dies.assignment, silent);
  t.same([died.failure?.code, died.isolation], ["WORKER_DIED", "process"]);

  const hangs = tensor("hang");
  const stopped = await hangs.runner.start(hangs.assignment, {
    ...silent,
    log: (line) => line === "doing hang" && hangs.runner.stop("run-1"),
  });
  t.equal(stopped.failure?.code, "CANCELLED");
  t.same(readdirSync(hangs.host.scratchFolder), []);

  const nowhere = tensor("work");
  Object.assign(nowhere.assignment, { device: "cuda:5" });
  const lost = await nowhere.runner.start(nowhere.assignment, silent);
  t.equal(lost.failure?.code, "BACKEND_UNAVAILABLE");
});
