/** Lineage as a graph in the DOT language: data sets, runs and artifacts, and what went where. */
import type { RunInput, RunLine } from "./run-line.js";

export function dotOf(runs: readonly RunLine[]): string {
  const nodes = new Map<string, string>();
  const edges = new Set<string>();
  for (const run of runs) {
    const { runId, jobName, host, country, outcome } = run;
    nodes.set(runId, `shape=box, label=${quoted(jobName, runId, `${host}, ${country}`, outcome)}`);
    for (const { name, digest } of run.outputs) {
      nodes.set(digest, `shape=note, label=${quoted(name, digest.slice(0, 19))}`);
      edges.add(`${quoted(runId)} -> ${quoted(digest)}`);
    }
  }
  for (const run of runs) {
    for (const input of run.inputs) {
      const node = nodeOf(input);
      if (!nodes.has(node)) nodes.set(node, looks(input));
      edges.add(`${quoted(node)} -> ${quoted(run.runId)}`);
    }
  }
  const lines = [...nodes].map(([node, attributes]) => `${quoted(node)} [${attributes}]`);
  return ["digraph lineage {", "  rankdir=LR;", ...indented([...lines, ...edges]), "}"].join("\n");
}

/** The files of a data set are no artifact, even where a run put out their manifest. */
function nodeOf({ dataSet, digest }: RunInput): string {
  return dataSet === undefined ? digest : `${dataSet} ${digest}`;
}

function looks({ dataSet, digest }: RunInput): string {
  const short = digest.slice(0, 19);
  if (dataSet === undefined) return `shape=note, label=${quoted(short)}`;
  return `shape=cylinder, label=${quoted(dataSet, short)}`;
}

function indented(statements: readonly string[]): string[] {
  return statements.map((statement) => `  ${statement};`);
}

/** Names come from anywhere: in a quoted string of DOT only its quote and the backslash mean something. */
function quoted(...lines: readonly string[]): string {
  const plain = lines.map((line) => line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " "));
  return `"${plain.map((line) => line.replace(/["\\]/g, "\\$&")).join("\\n")}"`;
}
