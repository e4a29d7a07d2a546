/** What has no size beforehand: standard input, and files of /proc. */
import { createReadStream } from "node:fs";
import { toHex } from "../../base/bytes.js";
import { synchronousBytesMax } from "../../compute/native/hash-options.js";
import { Hasher } from "../../compute/native/hasher.js";
import { type DigestOptions, digestFile } from "./digest-file.js";
import type { HashChoices } from "./hash-choices.js";
import { failed, type Outcome } from "./outcome.js";
import type { StreamSource } from "./sources.js";
import { fileChunkBytes, standardInput, standardInputFile } from "./standard-input.js";

export async function digestStream(
  { name, path }: Omit<StreamSource, "kind">,
  choices: HashChoices,
  options: DigestOptions,
): Promise<Outcome> {
  const file = path === "-" ? standardInputFile() : undefined;
  if (file !== undefined) return digestFile({ name, path: file }, choices, options);
  const { algorithms, key, context, length } = choices;
  const { signal, progress } = options;
  const named = typeof path === "string" ? { name } : { name, rawName: path };
  try {
    const hashers = algorithms.map((algorithm) => ({
      algorithm,
      hasher: new Hasher({ algorithm, key, context, length }),
    }));
    let sizeBytes = 0;
    // Asking for the next chunk only when this one is hashed is what holds a fast writer back.
    for await (const chunk of chunksOf(path, signal)) {
      await Promise.all(hashers.map(({ hasher }) => take(hasher, chunk, signal)));
      sizeBytes += chunk.length;
      progress.add(chunk.length);
    }
    const digests = hashers.map(({ algorithm, hasher }) => [algorithm, toHex(hasher.digest())]);
    return { ...named, sizeBytes, ...Object.fromEntries(digests) };
  } catch (thrown) {
    return failed(named, thrown);
  }
}

function chunksOf(path: string | Buffer, signal: AbortSignal): AsyncIterable<Buffer> {
  if (path === "-") return standardInput(signal);
  return createReadStream(path, { highWaterMark: fileChunkBytes, signal });
}

async function take(hasher: Hasher, chunk: Buffer, signal: AbortSignal): Promise<void> {
  if (chunk.length > synchronousBytesMax) await hasher.updateAsync(chunk, { signal });
  else hasher.update(chunk);
}
