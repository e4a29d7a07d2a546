/**
 * A witness that keeps its word: what it has cosigned last for each log is on disk before anyone hears of
 * it, and requests for one log are judged one after the other, so that it never cosigns two checkpoints of
 * which one does not hold the other.
 */
import { sha256, toHex } from "../../base/bytes.js";
import type { Clock } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";
import { type ForkProof, forkBytes } from "../../proof/tlog/fork.js";
import { cosignNote } from "../../proof/tlog/note.js";
import {
  formatVerifierKey,
  type VerifierKey,
  verifierKeyOf,
} from "../../proof/tlog/verifier-key.js";
import {
  judgeRequest,
  openRequest,
  parseRequest,
  type SignedRequest,
} from "../../proof/tlog/witness.js";

/** Small files, each replaced as a whole; a `put` that resolved survives a power cut. */
export interface WitnessFolder {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, content: Uint8Array): Promise<void>;
}

export interface WitnessOptions {
  /** A schema-less URL, as a log's name is. */
  readonly name: string;
  /** Ed25519, and used for nothing else: what is signed does not name the witness. */
  readonly signer: Signer;
  readonly logs: readonly VerifierKey[];
  readonly folder: WitnessFolder;
  readonly clock: Pick<Clock, "wallMs">;
  readonly observe: (event: WitnessEvent) => void;
}

export type WitnessEvent =
  | { readonly kind: "cosigned"; readonly origin: string; readonly size: number }
  /** The log has forked; whether the request proved it, so that the proof is kept. */
  | {
      readonly kind: "refused";
      readonly origin: string;
      readonly size: number;
      readonly isFork: boolean;
    };

export type WitnessReply =
  | { readonly kind: "cosigned"; readonly lines: string }
  /** What was cosigned last has this size. */
  | { readonly kind: "conflict"; readonly size: number };

export class Witness {
  readonly key: VerifierKey;
  readonly #options: WitnessOptions;
  /** The end of the last request, by log. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.key = verifierKeyOf(options.signer, options.name, "witness");
  }

  get keyText(): string {
    return formatVerifierKey(this.key);
  }

  /** The body of an add-checkpoint request; throws what says why there is no answer to it. */
  async addCheckpoint(body: string): Promise<WitnessReply> {
    const request = openRequest(parseRequest(body), this.#options.logs);
    const { origin } = request.head;
    const before = this.#turns.get(origin) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#judge(request));
    this.#turns.set(origin, turn);
    return await turn;
  }

  /** The proof that this log forked, if one was ever sent here. */
  fork(origin: string): Promise<Uint8Array | undefined> {
    return this.#options.folder.get(forkName(origin));
  }

  async #judge(request: SignedRequest): Promise<WitnessReply> {
    const { folder, name, signer, clock, logs, observe } = this.#options;
    const { origin, size } = request.head;
    const kept = await folder.get(headName(origin));
    const newest = kept && new TextDecoder().decode(kept);
    const verdict = judgeRequest(request, newest, logs);
    if (verdict.kind === "cosign") {
      const timeS = Math.floor(clock.wallMs() / 1000);
      const lines = cosignNote(request.text, name, signer, timeS);
      // 1. What is cosigned, durably. A crash before it has told nobody anything.
      await folder.put(headName(origin), new TextEncoder().encode(request.checkpoint));
      // 2. The answer. A crash before it: the log asks again from the older size, and is told this one.
      observe({ kind: "cosigned", origin, size });
      return { kind: "cosigned", lines };
    }
    if (verdict.fork !== undefined) await this.#keepFork(origin, verdict.fork);
    const isFork = verdict.fork !== undefined;
    if (isFork || verdict.kind === "inconsistent")
      observe({ kind: "refused", origin, size, isFork });
    if (verdict.kind === "conflict") return verdict;
    throw new QuipuError(
      "VERIFICATION_FAILED",
      `the proof does not lead from size ${request.oldSize} to the checkpoint of size ${size}`,
      {
        next: "send the consistency proof of RFC 6962 §2.1.2 from the size that was cosigned last",
      },
    );
  }

  /** The first proof says it all, and a log that goes on forking must not fill the disk. */
  async #keepFork(origin: string, fork: ForkProof): Promise<void> {
    const { folder } = this.#options;
    if ((await folder.get(forkName(origin))) !== undefined) return;
    await folder.put(forkName(origin), forkBytes(fork));
  }
}

function headName(origin: string): string {
  return `${idOf(origin)}.checkpoint`;
}

function forkName(origin: string): string {
  return `${idOf(origin)}.fork.json`;
}

/** Origins are anybody's text; files need names. */
function idOf(origin: string): string {
  return toHex(sha256(new TextEncoder().encode(origin))).slice(0, 32);
}
