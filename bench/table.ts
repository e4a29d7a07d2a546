/** Results as people read them: one line each, and the file that keeps every run. */
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { machine } from "./machine.js";
import type { Measured, Result } from "./result.js";

const header = ["ours", "peer", "ours / peer", "p10 to p90", "goal", "of limit", "against"];

export function print(suite: string, results: readonly Result[]): void {
  if (results.length === 0) {
    console.error(`${suite}: no line of that name`);
    process.exitCode = 2;
    return;
  }
  const rows = results.map((result) => [result.name, ...cells(result)]);
  const table = [[suite, ...header], ...rows];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((row) => (row[i] ?? "").length)));
  for (const row of table) {
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths?.[i] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

/** Appends one JSON line to bench/results/SUITE.jsonl in the current folder. */
export function record(
  suite: string,
  results: readonly Result[],
  facts: Readonly<Record<string, unknown>> = {},
): void {
  const line = { suite, at: new Date().toISOString(), machine: machine(), ...facts, results };
  const path = join("bench", "results", `${suite}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

/** One line for who waits. */
export function brief(result: Result): string {
  const [ours, , ratio, spread, goal, , against] = cells(result);
  const compared = ratio === "-" ? ours : `${ratio} (${spread})${goal === "-" ? "" : `, ${goal}`}`;
  return `${result.name}: ${compared}${against === "" ? "" : `, ${against}`}`;
}

function cells(result: Result): string[] {
  if ("said" in result) {
    const { said, goal, held, note = "" } = result;
    return [said, "-", "-", "-", goal === undefined ? "-" : judged(goal, held === true), "-", note];
  }
  const { oursRate, peerRate, ratio, limit, unit } = result;
  return [
    rate(oursRate, unit),
    peerRate === undefined ? "-" : rate(peerRate, unit),
    ratio === undefined ? "-" : `${figure(ratio.median)}x`,
    ratio === undefined ? "-" : `${figure(ratio.p10)} to ${figure(ratio.p90)}`,
    goalOf(result),
    limit === undefined ? "-" : `${((oursRate / limit.rate) * 100).toFixed(0)} % of ${limit.name}`,
    [result.peer, ...notes(result)].join("; "),
  ];
}

function goalOf({ goal, ratio, limit, oursRate }: Measured): string {
  if (goal === undefined) return "-";
  if ("share" in goal) {
    const text = `>= ${goal.share * 100} %`;
    return limit === undefined ? text : judged(text, oursRate >= goal.share * limit.rate);
  }
  const text = `>= ${Number(figure(goal.ratio))}`;
  return ratio === undefined ? text : judged(text, ratio.median >= goal.ratio);
}

const scales: readonly (readonly [number, string])[] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

const judged = (goal: string, held: boolean): string => `${goal} ${held ? "held" : "missed"}`;

function notes({ noisyPairs = 0, pairs, note, ratio }: Measured): string[] {
  return [
    ...(note === undefined ? [] : [note]),
    ...(ratio === undefined ? [] : [`${pairs} pairs`]),
    ...(noisyPairs === 0 ? [] : [`noisy: others worked in ${noisyPairs} of them`]),
  ];
}

function rate(perSecond: number, unit: string): string {
  const [scale, prefix] = scales.find(([least]) => perSecond >= least) ?? [1, ""];
  return `${figure(perSecond / scale)} ${prefix}${unit}/s`;
}

function figure(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
