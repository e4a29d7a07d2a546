/** Fast runs where there is no device for them: what is refused, what really ran, and what receipts say. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { rerun } from "../src/cli/receipt/rerun.js";
import { type Fast, float32, type RunOptions, Session } from "../src/compute/engine/session.js";
import { runTensorTask, type TensorTaskOptions } from "../src/compute/engine/task.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { hashTree } from "../src/compute/native/hashing.js";
import { jobDigest, type TensorTask } from "../src/model/job.js";
import { manifestDigest } from "../src/model/manifest.js";
import type { RunResult } from "../src/model/run.js";
import type { WorkerReply } from "../src/model/worker-message.js";
import { buildStatement, parseStatement, statementBytes } from "../src/proof/receipt/statement.js";
import { Worker } from "../src/worker/worker.js";
import { byFormula } from "./canonical-reference.js";
import { runIn } from "./cli-run.js";
import { asked, classify, modelPath } from "./fast-job.js";
import { operatorModel } from "./onnx-writer.js";
import { receiptFacts } from "./receipt-vectors.js";
import { ask, cpu, gpu, job, sg } from "./scheduler-world.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));
const dataFolder = join("examples", "data", "digits");

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
