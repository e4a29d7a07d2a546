/** Checkpoints (C2SP tlog-checkpoint): a log's name, size and root as a signed note. */
import { fromBase64, toBase64 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";
import { hashBytes } from "./hash.js";
import { parseNote, signNote, verifyNote } from "./note.js";
import type { VerifierKey } from "./verifier-key.js";

export interface Checkpoint {
  /** The log's name: a schema-less URL. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export function signCheckpoint({ origin, size, root }: Checkpoint, signer: Signer): string {
  return signNote(`${origin}\n${size}\n${toBase64(root)}\n`, origin, signer);
}

/** Reads a note's text as a checkpoint. Extension lines may follow; they carry no meaning here. */
export function parseCheckpointText(text: string): Checkpoint {
  const [origin = "", size = "", root = "", ...rest] = text.slice(0, -1).split("\n");
  if (!text.endsWith("\n") || origin === "" || rest.includes(""))
    throw malformed("a line is empty");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw malformed("the second line is not a tree size");
  }
  if (!/^[A-Za-z0-9+/]{43}=$/.test(root)) throw malformed("the third line is not a root hash");
  const hash = fromBase64(root);
  if (hash.length !== hashBytes) throw malformed("the third line is not a root hash");
  return { origin, size: Number(size), root: hash };
}

/** The checkpoint in a note that the log's own key signed; else VERIFICATION_FAILED. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): Checkpoint {
  const parsed = parseNote(note);
  const signers = verifyNote(parsed, keys);
  const checkpoint = parseCheckpointText(parsed.text);
  const isOwn = ({ kind, name }: VerifierKey) => kind === "log" && name === checkpoint.origin;
  if (signers.some(({ key }) => isOwn(key))) return checkpoint;
  throw new QuipuError(
    "VERIFICATION_FAILED",
    `the checkpoint of ${checkpoint.origin} is not signed by a key that is trusted for this log`,
  );
}

function malformed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a checkpoint: ${why}`);
}
