/** Standard input, whose size nobody knows beforehand. */
import { toHex } from "../../base/bytes.js";
import { synchronousBytesMax } from "../../compute/native/hash-options.js";
import { Hasher } from "../../compute/native/hasher.js";
import { type DigestOptions, digestFile } from "./digest-file.js";
import type { HashChoices } from "./hash-choices.js";
import { failed, type Outcome } from "./outcome.js";
import type { InputSource } from "./sources.js";
import { standardInput, standardInputFile } from "./standard-input.js";

export async function digestInput(
  { name }: Pick<InputSource, "name">,
  choices: HashChoices,
  options: DigestOptions,
): Promise<Outcome> {
  const file = standardInputFile();
  if (file !== undefined) return digestFile({ name, path: file }, choices, options);
  const { algorithms, key, context, length } = choices;
  const { signal, progress } = options;
  try {
    const hashers = algorithms.map((algorithm) => ({
      algorithm,
      hasher: new Hasher({ algorithm, key, context, length }),
    }));
    let sizeBytes = 0;
    // Asking for the next chunk only when this one is hashed is what holds a fast writer back.
    for await (const chunk of standardInput(signal)) {
      await Promise.all(hashers.map(({ hasher }) => take(hasher, chunk, signal)));
      sizeBytes += chunk.length;
      progress.add(chunk.length);
    }
    const digests = hashers.map(({ algorithm, hasher }) => [algorithm, toHex(hasher.digest())]);
    return { name, sizeBytes, ...Object.fromEntries(digests) };
  } catch (thrown) {
    return failed({ name }, thrown);
  }
}

async function take(hasher: Hasher, chunk: Buffer, signal: AbortSignal): Promise<void> {
  if (chunk.length > synchronousBytesMax) await hasher.updateAsync(chunk, { signal });
  else hasher.update(chunk);
}
