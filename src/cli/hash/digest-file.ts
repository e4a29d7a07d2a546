/** One file by its path. */
import { hashFile } from "../../compute/native/hash-file.js";
import type { HashChoices } from "./hash-choices.js";
import { failed, type Outcome } from "./outcome.js";
import type { Progress } from "./progress.js";
import type { FileSource } from "./sources.js";

export interface DigestOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export async function digestFile(
  { path, name }: Pick<FileSource, "path" | "name">,
  { algorithms, key, context, length }: HashChoices,
  { signal, progress }: DigestOptions,
): Promise<Outcome> {
  const named = typeof path === "string" ? { name } : { name, rawName: path };
  try {
    const wanted = { algorithms, key, context, length, signal, onProgress: progress.part() };
    const { sizeBytes, blake3, sha256 } = await hashFile(path, wanted);
    return { ...named, sizeBytes, blake3, sha256 };
  } catch (thrown) {
    return failed(named, thrown);
  }
}
