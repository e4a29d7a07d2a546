/**
 * `quipu data verify FOLDER|NAME`: is the folder still what its manifest says? Files to which no write was
 * noted since they were last found true are not read again, unless `--full` trusts nothing.
 */
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { Context, VerbAction } from "../context.js";
import { Progress } from "../hash/progress.js";
import type { Output } from "../output.js";
import { bytesText, printable } from "../table.js";
import { type Comparison, compareFolder } from "./compare-folder.js";
import { differenceKinds } from "./difference.js";
import { keepFacts, nowNs } from "./kept-data-set.js";
import { findTarget, type VerifyTarget } from "./verify-target.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { output, signal } = context;
  const manifestPath = options.manifest as string | undefined;
  const target = await findTarget(context, args[0] ?? "", manifestPath);
  const recordedNs = nowNs();
  const found = await compareFolder(target.folder, target.manifest, {
    recorded: options.full === true ? undefined : target.recorded,
    signal,
    onProgress: new Progress(output, "verifying").whole(),
  });
  const equal = found.differences.length === 0;
  if (equal) await refreshFacts(context, target, found, recordedNs);
  output.result(viewOf(target, found), () => page(output, target, found));
  if (equal) return 0;
  // Everything is in the one JSON value already.
  if (!output.json) output.failure(failureOf(target, found));
  return errorCodes.VERIFICATION_FAILED.exit;
};

/** The folder was found true all the same when they cannot be written; the next time reads more. */
async function refreshFacts(
  { output, paths }: Context,
  { name, manifestDigest, folder }: VerifyTarget,
  { facts: files }: Comparison,
  recordedNs: bigint,
): Promise<void> {
  if (name === undefined) return;
  try {
    await keepFacts(paths.home, name, { manifestDigest, folder, recordedNs, files });
  } catch (thrown) {
    output.note(`what was seen could not be kept: ${QuipuError.from(thrown).message}`);
  }
}

function viewOf({ folder, manifest, manifestDigest, name }: VerifyTarget, found: Comparison) {
  return {
    equal: found.differences.length === 0,
    folder,
    name: name ?? null,
    manifestDigest,
    files: manifest.entries.length,
    readFiles: found.readFiles,
    readBytes: found.readBytes,
    differences: found.differences,
  };
}

function page(output: Output, target: VerifyTarget, found: Comparison): string {
  const { differences, readFiles, readBytes } = found;
  if (differences.length > 0) {
    return differences
      .map(
        ({ kind, path, why }) =>
          `${output.style("red", kind.padEnd(10))}  ${printable(path)}  (${printable(why)})`,
      )
      .join("\n");
  }
  const { folder, manifest, manifestDigest } = target;
  const read = `read ${readFiles} of ${manifest.entries.length} files, ${bytesText(readBytes)}`;
  return `${printable(folder)}: ${output.style("green", "as its manifest says")}  ${manifestDigest}  ${read}`;
}

function failureOf({ folder }: VerifyTarget, { differences }: Comparison): QuipuError {
  const counts = differenceKinds
    .map((kind) => ({ kind, count: differences.filter((one) => one.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`);
  return new QuipuError(
    "VERIFICATION_FAILED",
    `${folder} is not what its manifest says: ${counts.join(", ")}`,
    { next: "restore those files, or register the folder as it is under a new name" },
  );
}
