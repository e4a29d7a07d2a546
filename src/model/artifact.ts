/** Blobs by digest, as inputs and outputs of runs. */
import { type Digest, digestOf } from "../base/bytes.js";
import { canonicalBytes } from "../base/canonical-json.js";

export interface NamedDigest {
  /** File name inside the job's outputs, for example `predictions.npy`. */
  readonly name: string;
  readonly digest: Digest;
}

export interface Artifact extends NamedDigest {
  /** 64 hexadecimal digits. */
  readonly blake3: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

/** One digest for all outputs of a run: over the canonical list of names and digests, by name. */
export function outputDigest(outputs: readonly NamedDigest[]): Digest {
  const rows = outputs
    .map(({ name, digest }) => ({ name, digest }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return digestOf(canonicalBytes(rows));
}
