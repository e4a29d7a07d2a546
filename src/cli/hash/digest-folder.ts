/** Files of one folder, many at once. */
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type FolderFile, hashFiles } from "../../compute/native/folder-files.js";
import { hashFile, sameFacts } from "../../compute/native/hash-file.js";
import type { NamedPath } from "../argument-bytes.js";
import type { DigestOptions } from "./digest-file.js";
import type { HashChoices } from "./hash-choices.js";
import { inOrder, startedAtOnceMax } from "./in-order.js";
import { failed, type Outcome } from "./outcome.js";
import { nameIn } from "./sources.js";

export async function digestBatch(
  folder: NamedPath,
  files: readonly FolderFile[],
  choices: HashChoices,
  options: DigestOptions,
): Promise<readonly Outcome[]> {
  const { key, context, length, algorithms } = choices;
  if (key !== undefined || context !== undefined || length !== undefined) {
    return byPath(folder, files, choices, options);
  }
  const { signal, progress } = options;
  const task = { algorithms, signal, onProgress: progress.part() };
  const found = await hashFiles(folder.path, files, task).catch((thrown: unknown) =>
    files.map(() => QuipuError.from(thrown)),
  );
  // What seems to have changed may only hold another size than it says, as in /proc.
  const changed = files.filter((_, at) => isChanged(found[at]));
  const again = (await byPath(folder, changed, choices, options)).values();
  return files.map((file, at): Outcome => {
    const named = nameIn(folder, file);
    const hashed = found[at];
    if (isChanged(hashed)) return again.next().value ?? failed(named, hashed);
    if (hashed === undefined || hashed instanceof QuipuError) return failed(named, hashed);
    return {
      ...named,
      sizeBytes: hashed.facts.sizeBytes,
      ...(hashed.blake3.length > 0 ? { blake3: toHex(hashed.blake3) } : {}),
      ...(hashed.sha256.length > 0 ? { sha256: toHex(hashed.sha256) } : {}),
    };
  });
}

function isChanged(hashed: unknown): boolean {
  return hashed instanceof QuipuError && hashed.code === "DATA_CHANGED";
}

/** Keyed and longer digests are taken file by file, a few at once: each holds a file open. */
async function byPath(
  folder: NamedPath,
  files: readonly FolderFile[],
  choices: HashChoices,
  options: DigestOptions,
): Promise<Outcome[]> {
  const jobs = files.map((file) => ({
    alone: false,
    run: () => digestByPath(folder, file, choices, options),
  }));
  const outcomes: Outcome[] = [];
  for await (const outcome of inOrder(jobs, startedAtOnceMax, options.signal)) {
    outcomes.push(outcome);
  }
  return outcomes;
}

/** A path may lead elsewhere than it did when the folder was listed; the file's own facts tell. */
async function digestByPath(
  folder: NamedPath,
  file: FolderFile,
  { algorithms, key, context, length }: HashChoices,
  { signal, progress }: DigestOptions,
): Promise<Outcome> {
  const named = nameIn(folder, file);
  try {
    const wanted = { algorithms, key, context, length, signal, onProgress: progress.part() };
    const { facts, ...hashed } = await hashFile(named.rawName ?? named.name, wanted);
    if (sameFacts(facts, file.facts)) return { ...named, ...hashed };
    throw new QuipuError("DATA_CHANGED", `${named.name} changed while its folder was read`, {
      next: "stop writing to it and hash it again",
    });
  } catch (thrown) {
    return failed(named, thrown);
  }
}
