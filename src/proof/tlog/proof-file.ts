/** The portable proof of one entry (C2SP tlog-proof): index, hashes and the checkpoint verbatim. */
import { fromBase64, toBase64 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { hashBytes } from "./hash.js";
import { noteBytesMax } from "./note.js";

export interface ProofFile {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note as the log issued it. */
  readonly checkpoint: string;
}

const header = "c2sp.org/tlog-proof@v1";
/** A tree has at most 64 levels. */
export const proofHashesMax = 64;

export function formatProofFile({ index, hashes, checkpoint }: ProofFile): string {
  const lines = [header, `index ${index}`, ...hashes.map(toBase64)];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

export function parseProofFile(text: string): ProofFile {
  if (text.length > 2 * noteBytesMax) throw malformed("it is too long");
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("no blank line before the checkpoint");
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== header) throw malformed(`the first line is not ${header}`);
  // Extra data is for other programs; nothing authenticates it, so it is checked and dropped.
  if (lines[0]?.startsWith("extra ")) fromBase64(lines.shift()?.slice(6) ?? "");
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "")?.[1];
  if (index === undefined) throw malformed("no line with the index");
  if (lines.length > proofHashesMax) throw malformed("it has too many hashes");
  const hashes = lines.map((line) => fromBase64(line));
  if (hashes.some((hash) => hash.length !== hashBytes)) throw malformed("a hash is not 32 bytes");
  return { index: Number(index), hashes, checkpoint: text.slice(split + 2) };
}

function malformed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a tlog-proof: ${why}`);
}
