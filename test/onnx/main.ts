/**
 * `npm run test:onnx [-- --filter TEXT --verbose --json --required --compile --second --write]`: the official ONNX test suite.
 *
 *   --filter TEXT  only tests whose name holds TEXT
 *   --required     only those that have to pass (docs/onnx-required.txt)
 *   --compile      as far as the compiler: types and shapes of the outputs, no values
 *   --second       values by the second machine (machine/run.ts) in place of the addon
 *   --verbose      each test, with what it lacks or where it differs first
 *   --json         all results as one object, and nothing else, on stdout
 *   --write        docs/onnx-coverage.md and docs/onnx-required.txt from what this run found
 */
import { parseArgs } from "node:util";
import { writeCoverage } from "./coverage.js";
import { readRequired, writeRequired } from "./required.js";
import { runTests } from "./run-suite.js";
import type { Outcome, Verdict } from "./run-test.js";
import { findSuite, listTests, suiteMissing } from "./suite.js";

const tellEveryMs = 5_000;

interface Asked {
  readonly filter: string;
  readonly required: boolean;
  readonly compile: boolean;
  readonly second: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly write: boolean;
}

function asked(): Asked {
  const { values } = parseArgs({
    options: {
      filter: { type: "string", default: "" },
      required: { type: "boolean", default: false },
      compile: { type: "boolean", default: false },
      second: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  return values;
}

function chosenNames(suite: string, { filter, required }: Asked): readonly string[] {
  const all = listTests(suite).filter((name) => name.includes(filter));
  if (!required) return all;
  const wanted = new Set(readRequired());
  return all.filter((name) => wanted.has(name));
}

async function main(options: Asked): Promise<number> {
  const suite = findSuite();
  const tell = (line: string) => (options.json ? console.error(line) : console.log(line));
  if (suite === undefined) {
    tell(`skipped: ${suiteMissing}`);
    tell("0 passed, 0 failed, 0 not supported");
    return 0;
  }
  const names = chosenNames(suite, options);
  const way = options.compile ? "compiler" : options.second ? "second" : "engine";
  const outcomes: Outcome[] = [];
  let toldMs = performance.now();
  for await (const outcome of runTests(suite, names, way)) {
    outcomes.push(outcome);
    if (options.verbose || outcome.verdict === "failed") tell(lineOf(outcome));
    if (performance.now() - toldMs < tellEveryMs) continue;
    toldMs = performance.now();
    tell(`${outcomes.length} of ${names.length}`);
  }
  const all = options.filter === "" && !options.required && way === "engine";
  if (options.write && all) {
    writeCoverage(suite, outcomes);
    writeRequired(suite, names);
  }
  const count = (verdict: Verdict) =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const [passed, failed, unsupported] = [count("passed"), count("failed"), count("not supported")];
  if (options.json) console.log(JSON.stringify({ passed, failed, unsupported, outcomes }));
  tell(`${passed} passed, ${failed} failed, ${unsupported} not supported`);
  return failed === 0 ? 0 : 1;
}

function lineOf({ verdict, name, why }: Outcome): string {
  const word = { passed: "ok", failed: "FAILED", "not supported": "-" }[verdict];
  return `${word.padEnd(6)} ${name}${why === "" ? "" : `: ${why}`}`;
}

process.exitCode = await main(asked());
