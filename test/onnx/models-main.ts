/**
 * `npm run test:models [-- --filter TEXT --second]`: real models beside the oracle, per output the largest
 * error; `--second` has the second machine (machine/run.ts) compute ours.
 * Models and oracle come with `npm run bench:peers`; nothing is downloaded here.
 */
import { parseArgs } from "node:util";
import { ChildRun } from "./child-run.js";
import type { ModelTask, OutputError } from "./model-child.js";
import { installedModels, modelsMissing, realModels } from "./real-models.js";

const modelMsMax = 300_000;

const { values } = parseArgs({
  options: { filter: { type: "string", default: "" }, second: { type: "boolean", default: false } },
});
const models = installedModels().filter(({ name }) => name.includes(values.filter));
if (models.length < realModels.length && values.filter === "") {
  console.log(`skipped: ${realModels.length - models.length} of the models; ${modelsMissing}`);
}
const counts = { passed: 0, failed: 0, unsupported: 0 };
const child = new ChildRun<ModelTask, readonly OutputError[]>({
  module: new URL("./model-child.js", import.meta.url),
  timeoutMs: modelMsMax,
});
for (const { name, licence } of models) {
  const answer = await child.ask({ name, second: values.second });
  if ("fault" in answer) {
    const unsupported = answer.code === "MODEL_UNSUPPORTED";
    counts[unsupported ? "unsupported" : "failed"] += 1;
    console.log(`${unsupported ? "-     " : "FAILED"} ${name} (${licence}): ${answer.fault}`);
    continue;
  }
  const errors = answer.result;
  const passed = errors.every(isClose);
  counts[passed ? "passed" : "failed"] += 1;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${licence})`);
  for (const error of errors) console.log(`         ${describe(error)}`);
}
child.end();
console.log(
  `${counts.passed} passed, ${counts.failed} failed, ${counts.unsupported} not supported`,
);
process.exitCode = counts.failed === 0 ? 0 : 1;

function isClose({ largest, allowed, mistake }: OutputError): boolean {
  return mistake === undefined && largest <= allowed;
}

function describe({ output, largest, allowed, mistake }: OutputError): string {
  if (mistake !== undefined) return `${output} ${mistake}`;
  return `${output}: largest error ${largest.toExponential(1)}, allowed ${allowed.toExponential(1)}`;
}
