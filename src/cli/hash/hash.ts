/**
 * `quipu hash [PATH…]`: digests of files, folders and standard input, in the lines of b3sum and sha256sum.
 *
 * Its start-up is part of what it is measured by, so what only some calls need is loaded when they come.
 */
import { setMaxListeners } from "node:events";
import type { Context, VerbAction } from "../context.js";
import { digestJobs } from "./digest-jobs.js";
import { chooseHash, type HashChoices } from "./hash-choices.js";
import { inOrder, startedAtOnceMax } from "./in-order.js";
import { linesOf } from "./line.js";
import { type Digested, ErrorList, isFailed } from "./outcome.js";
import { Progress } from "./progress.js";
import { findSources, sizeOf } from "./sources.js";

export const action: VerbAction = async (context, { args, options }) => {
  const choices = chooseHash(options, args);
  setMaxListeners(0, context.signal); // thousands of files listen at once; none of them leaks
  if (options.check === true) {
    const { checkFiles } = await import("./check.js");
    return checkFiles(context, args, choices);
  }
  if (options.keyed !== true) return printDigests(context, args, choices);
  const { keyFromInput } = await import("./standard-input.js");
  return printDigests(context, args, { ...choices, key: await keyFromInput(context.signal) });
};

/** One path that cannot be hashed leaves the others be, and makes the exit code 1. */
async function printDigests(
  context: Context,
  paths: readonly string[],
  choices: HashChoices,
): Promise<number> {
  const { output, signal } = context;
  const errors = new ErrorList(output);
  const { sources, skipped } = await findSources(paths, choices, signal);
  const progress = new Progress(output, "hashing", sizeOf(sources));
  const files: object[] = [];
  const jobs = digestJobs(sources, choices, { signal, progress });
  for await (const outcomes of inOrder(jobs, startedAtOnceMax, signal)) {
    signal.throwIfAborted();
    const done: Digested[] = [];
    for (const outcome of outcomes) {
      if (isFailed(outcome)) errors.add(outcome);
      else done.push(outcome);
    }
    if (output.json) files.push(...done.map(fileView));
    else output.result(undefined, () => done.flatMap((one) => linesOf(one, choices)).join("\n"));
    if (!output.heard) break; // `| head` has seen enough
  }
  if (output.json) output.result({ files, errors: errors.views, skipped }, () => "");
  else if (skipped === 1) output.note("1 link or special file was left out");
  else if (skipped > 1) output.note(`${skipped} links and special files were left out`);
  const isWhole = errors.views.length === 0 && !sources.some(({ kind }) => kind === "failed");
  return isWhole ? 0 : 1;
}

function fileView({ name, rawName, sizeBytes, blake3, sha256 }: Digested): object {
  const pathHex = rawName?.toString("hex");
  return { path: name, pathHex, sizeBytes, blake3, sha256 };
}
