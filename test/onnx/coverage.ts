/** docs/onnx-coverage.md: what a run of the whole suite came to, by operator. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../bench/machine.js";
import { elementTypeName } from "../../src/compute/tensor/dtype.js";
import { type Outcome, type Verdict, verdicts } from "./run-test.js";
import { readModel } from "./suite.js";

const reasonsShownMax = 3;

interface Row {
  readonly counts: Record<Verdict, number>;
  /** Why tests did not pass, and how many. */
  readonly reasons: Map<string, number>;
}

export function writeCoverage(suite: string, outcomes: readonly Outcome[]): void {
  writeFileSync(join(packageRoot, "docs/onnx-coverage.md"), coverage(suite, outcomes));
}

function coverage(suite: string, outcomes: readonly Outcome[]): string {
  const total = (verdict: Verdict) =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const rows = [...rowsOf(suite, outcomes)].sort(([a], [b]) => (a < b ? -1 : 1));
  return `# ONNX operators, by the official test suite

Written by \`npm run test:onnx -- --write\`; what has to pass is in [onnx-required.txt](onnx-required.txt).
Of ${outcomes.length} tests of the suite (1.12, operator sets up to 17): ${total("passed")} passed,
${total("failed")} failed, ${total("not supported")} not supported (refused by name when the model is compiled).
Floats are compared as the official runner does (relative 1e-3, absolute 1e-7), all else exactly.

A test counts in the row of every operator that its model holds.

| operator | passed | failed | not supported | why |
|---|---|---|---|---|
${rows.map(([operator, row]) => line(operator, row)).join("\n")}
`;
}

function rowsOf(suite: string, outcomes: readonly Outcome[]): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const { name, verdict, why } of outcomes) {
    const operators = new Set(readModel(suite, name).outline.operators.map((use) => use.name));
    for (const operator of operators) {
      const counts = { passed: 0, failed: 0, "not supported": 0 };
      const row = rows.get(operator) ?? { counts, reasons: new Map() };
      rows.set(operator, row);
      row.counts[verdict] += 1;
      if (verdict === "passed") continue;
      const reason = reasonOf(why);
      row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + 1);
    }
  }
  return rows;
}

function line(operator: string, { counts, reasons }: Row): string {
  const why = [...reasons]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([reason, count]) => (reasons.size === 1 ? reason : `${reason} (${count})`));
  const shown = why.slice(0, reasonsShownMax);
  if (why.length > shown.length) shown.push(`${why.length - shown.length} more`);
  const numbers = verdicts.map((verdict) => counts[verdict] || "");
  return `| ${operator} | ${numbers.join(" | ")} | ${shown.join("; ").replaceAll("|", "\\|")} |`;
}

/** Without what differs between tests that lack the same. */
function reasonOf(why: string): string {
  return why
    .replace(/^the model needs what cannot be compiled: (.*?)( \(first at .*\))?$/, "needs $1")
    .replace(/^node .*? (\(\w+\) )/, "$1")
    .replace(/^(input|tensor) \S+ (has|holds) /, "")
    .replace(/element type (\d+)(;.*)?$/, (_, number) => elementTypeName(Number(number)))
    .replace(/^elements of type /, "")
    .replace(/^\S+\[\d+\] is .*/, "another value");
}
