/** Asks a witness over HTTP to cosign a checkpoint (C2SP tlog-witness), and believes only its key. */
import { QuipuError } from "../../base/errors.js";
import { parseNote, signatureLine, verifyNote } from "../../proof/tlog/note.js";
import type { VerifierKey } from "../../proof/tlog/verifier-key.js";
import { type CheckpointRequest, formatRequest } from "../../proof/tlog/witness.js";

export interface AskedWitness {
  readonly key: VerifierKey;
  /** Its submission prefix. */
  readonly url: string;
}

/** A signature line, or the size from which the witness wants to be led on. */
export type WitnessAnswer = { readonly line: string } | { readonly size: number };

const answerBytesMax = 64 * 1024;
const answerMsMax = 5_000;

export async function askWitness(
  { key, url }: AskedWitness,
  request: CheckpointRequest,
): Promise<WitnessAnswer> {
  const response = await fetch(`${url.replace(/\/$/, "")}/add-checkpoint`, {
    method: "POST",
    body: formatRequest(request),
    signal: AbortSignal.timeout(answerMsMax),
  }).catch((cause: Error) => {
    throw failed(key, `does not answer: ${cause.message}`, cause);
  });
  const text = await textOf(response, key);
  if (response.status === 409) return { size: sizeIn(text, key) };
  if (response.status !== 200)
    throw failed(key, `answers ${response.status}: ${text.slice(0, 300)}`);
  const note = parseNote(request.checkpoint + text);
  // An empty line in the answer would make all before it part of what is signed.
  if (note.text !== parseNote(request.checkpoint).text) {
    throw failed(key, "answers with more than signature lines");
  }
  const [signer] = verifyNote(note, [key]);
  if (signer === undefined) throw failed(key, "answers without a signature by that key");
  return { line: signatureLine(signer.signature) };
}

async function textOf(response: Response, key: VerifierKey): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > answerBytesMax) throw failed(key, "answers with too many bytes");
  }
  return text;
}

function sizeIn(text: string, key: VerifierKey): number {
  const size = /^(0|[1-9][0-9]{0,15})\n$/.exec(text)?.[1];
  if (size === undefined) throw failed(key, "names no size where it has another checkpoint");
  return Number(size);
}

function failed(key: VerifierKey, why: string, cause?: unknown): QuipuError {
  return new QuipuError("UNAVAILABLE", `the witness ${key.name} ${why}`, {
    next: "see that it runs and knows this log's key",
    cause,
  });
}
