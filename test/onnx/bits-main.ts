/**
 * `npm run test:bits [-- --filter TEXT --random N --backends A,B]`: every test of the official ONNX suite
 * that passes, every real model and N random ones of one operator give the same bits on every backend of
 * this host, a CUDA device among them, with one thread and with two, however their operators are split.
 */
import { parseArgs } from "node:util";
import type { Backend } from "../../src/compute/engine/session.js";
import { capabilities } from "../../src/compute/native/capabilities.js";
import type { BitsResult, BitsTask } from "./bits-child.js";
import { ChildRun } from "./child-run.js";
import { installedModels, modelsMissing, realModels } from "./real-models.js";
import { runTests } from "./run-suite.js";
import { findSuite, listTests, suiteMissing } from "./suite.js";

const known: readonly Backend[] = ["portable", "avx2", "avx512", "cuda"];
const threadCounts = [1, 2];
const taskMsMax = 300_000;

interface Task {
  readonly name: string;
  readonly task: BitsTask;
}

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    random: { type: "string", default: "500" },
    backends: { type: "string" },
  },
});
const { backends: usable, cuda } = capabilities({ probeCuda: true });
const here = known.filter((name) =>
  name === "cuda" ? cuda.usable : usable.some((one) => one === name),
);
const asked = values.backends?.split(",") ?? here;
const backends = here.filter((name) => asked.includes(name));
if (backends.length < asked.length) {
  console.error(`of ${asked.join(", ")} this host has only: ${backends.join(", ") || "none"}`);
  process.exit(2);
}
console.log(`backends ${backends.join(", ")}; threads ${threadCounts.join(", ")}`);
const children = threadCounts.map((threads) => ({
  threads,
  child: new ChildRun<BitsTask, BitsResult>({
    module: new URL("./bits-child.js", import.meta.url),
    environment: { QUIPU_THREADS: String(threads) },
    timeoutMs: taskMsMax,
  }),
}));
const counts = { equal: 0, different: 0, unsupported: 0 };
for await (const { name, task } of allTasks()) await check(name, task);
for (const { child } of children) child.end();
if (counts.unsupported > 0) console.log(`${counts.unsupported} models are not supported`);
console.log(`${counts.equal} equal, ${counts.different} different`);
process.exitCode = counts.different === 0 ? 0 : 1;

async function* allTasks(): AsyncGenerator<Task> {
  const suite = findSuite();
  if (suite === undefined) console.log(`skipped: ${suiteMissing}`);
  else {
    const names = listTests(suite).filter((name) => name.includes(values.filter));
    for await (const { name, verdict } of runTests(suite, names)) {
      if (verdict === "passed") yield { name, task: { suite, name, backends } };
    }
  }
  const models = installedModels();
  if (models.length < realModels.length) console.log(`skipped: ${modelsMissing}`);
  for (const { name } of models.filter((model) => model.name.includes(values.filter))) {
    yield { name, task: { model: name, backends } };
  }
  if (values.filter !== "") return;
  for (let seed = 1; seed <= Number(values.random); seed += 1) {
    yield { name: `random ${seed}`, task: { seed, backends } };
  }
}

async function check(name: string, task: BitsTask): Promise<void> {
  const seen = new Map<string, string>();
  for (const { threads, child } of children) {
    const answer = await child.ask(task);
    if ("fault" in answer) {
      if (answer.code === "MODEL_UNSUPPORTED") counts.unsupported += 1;
      else fail(`${name}: ${answer.fault}`);
      return;
    }
    for (const [ran, digests] of Object.entries(answer.result)) {
      seen.set(`${ran}, ${threads} threads`, digests);
    }
  }
  const [[first, expected] = ["", ""]] = seen;
  const other = [...seen].find(([, digests]) => digests !== expected);
  if (other === undefined) counts.equal += 1;
  else fail(`${name}: "${other[0]}" gives other bits than "${first}"`);
}

function fail(why: string): void {
  counts.different += 1;
  console.log(`DIFFERENT ${why}`);
}
