/** `quipu hash --check`: are the files still those that a list of checksums names? */
import { createReadStream } from "node:fs";
import { QuipuError } from "../../base/errors.js";
import type { HashAlgorithm } from "../../compute/native/hash-options.js";
import { type NamedPath, namedPaths } from "../argument-bytes.js";
import type { Context } from "../context.js";
import { type CheckLine, parseCheckLine } from "./check-line.js";
import { CheckReport } from "./check-report.js";
import type { DigestOptions } from "./digest-file.js";
import { digestJobs } from "./digest-jobs.js";
import type { HashChoices } from "./hash-choices.js";
import { inOrder, inTurns, type Job, startedAtOnceMax } from "./in-order.js";
import { failed, type Outcome } from "./outcome.js";
import { Progress } from "./progress.js";
import { lookAt, type Source, sizeOf } from "./sources.js";
import { readAll, standardInput } from "./standard-input.js";

const listBytesMax = 256 * 1024 * 1024;

/** Lines of one file that follow each other: both its digests come from one read. */
interface Group {
  readonly source: Source;
  readonly lines: readonly CheckLine[];
}

interface Checked {
  readonly lines: readonly CheckLine[];
  readonly outcome: Outcome;
}

export async function checkFiles(
  context: Context,
  lists: readonly string[],
  choices: HashChoices,
): Promise<number> {
  const { output, signal } = context;
  const report = new CheckReport(output);
  const plain = choices.algorithms[0] ?? "blake3";
  const lines: CheckLine[] = [];
  for (const list of namedPaths(lists.length === 0 ? ["-"] : lists)) {
    try {
      const found = linesOfList(list.name, await readList(list, signal), plain, report);
      for await (const line of inTurns(found, signal)) lines.push(line);
    } catch (thrown) {
      signal.throwIfAborted();
      report.listUnread(failed({ name: list.name }, thrown));
    }
  }
  const groups: Group[] = [];
  for await (const group of inTurns(grouped(lines), signal)) groups.push(group);
  const progress = new Progress(output, "checking", sizeOf(groups.map(({ source }) => source)));
  const jobs = checkJobs(groups, choices, { signal, progress });
  for await (const { lines: those, outcome } of inOrder(jobs, startedAtOnceMax, signal)) {
    signal.throwIfAborted();
    for (const line of those) report.checked(line, outcome);
  }
  return report.finish();
}

async function readList(list: NamedPath, signal: AbortSignal): Promise<Buffer> {
  const source = sourceOf(list);
  if (source.kind === "failed") throw source.error;
  const { name, path } = list;
  const chunks = path === "-" ? standardInput(signal) : createReadStream(path, { signal });
  return readAll(chunks, name, listBytesMax);
}

function* linesOfList(
  list: string,
  bytes: Buffer,
  plain: HashAlgorithm,
  report: CheckReport,
): Generator<CheckLine> {
  if (bytes.length === 0) {
    throw new QuipuError("DATA_INVALID", `${list} is empty: it proves nothing`, {
      next: "a list of checksums is written by quipu hash FILE… > LIST",
    });
  }
  let number = 0;
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(0x0a, at);
    const end = found < 0 ? bytes.length : found;
    const line = parseCheckLine(bytes.subarray(at, end), plain);
    number += 1;
    if (typeof line === "string") report.malformed(list, number, line);
    else yield line;
    at = end + 1;
  }
}

function* grouped(lines: readonly CheckLine[]): Generator<Group> {
  let group: CheckLine[] = [];
  for (const line of lines) {
    const [first] = group;
    if (first !== undefined && first.path !== line.path) {
      yield groupOf(first.path, group);
      group = [];
    }
    group.push(line);
  }
  const [last] = group;
  if (last !== undefined) yield groupOf(last.path, group);
}

function groupOf(path: string, lines: readonly CheckLine[]): Group {
  return { source: sourceOf({ name: path, path }), lines };
}

function sourceOf(named: NamedPath): Source {
  const source = lookAt(named);
  if (source !== "folder") return source;
  const error = new QuipuError("DATA_INVALID", `${named.name} is a folder, not a file`, {
    next: "list its files: quipu hash FOLDER > LIST",
  });
  return { kind: "failed", name: named.name, error };
}

function* checkJobs(
  groups: readonly Group[],
  choices: HashChoices,
  options: DigestOptions,
): Generator<Job<Checked>> {
  for (const { source, lines } of groups) {
    const algorithms = [...new Set(lines.map(({ algorithm }) => algorithm))];
    for (const job of digestJobs([source], { ...choices, algorithms }, options)) {
      yield {
        alone: job.alone,
        run: async () => {
          const [outcome] = await job.run();
          if (outcome === undefined) throw new Error("a file came to nothing");
          return { lines, outcome };
        },
      };
    }
  }
}
