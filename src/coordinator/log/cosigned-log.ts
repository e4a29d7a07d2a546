/**
 * The log as its witnesses have seen it. Whenever it has grown they are asked to cosign its newest
 * checkpoint; once enough have, proofs and readers get that one. Nothing waits for them: what is
 * acknowledged is in the log, and its proof is cosigned as soon as they answer.
 */
import { QuipuError } from "../../base/errors.js";
import type { AskedWitness, WitnessAnswer } from "../../io/witness/ask-witness.js";
import { openCheckpoint } from "../../proof/tlog/checkpoint.js";
import { parseNote, verifyNote } from "../../proof/tlog/note.js";
import type { LogHead, LogInclusion, Sequencer } from "../../proof/tlog/sequencer.js";
import type { LogStore } from "../../proof/tlog/store.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { meetsQuorum, type TrustPolicy } from "../../proof/tlog/trust-policy.js";
import type { CheckpointRequest } from "../../proof/tlog/witness.js";
import type { ReceiptLog } from "../ports.js";

export interface WitnessedBy {
  readonly policy: TrustPolicy;
  /** The policy as its file has it, for whoever verifies. */
  readonly policyText: string;
  readonly ask: (witness: AskedWitness, request: CheckpointRequest) => Promise<WitnessAnswer>;
  /** Told what keeps witnesses from cosigning, once for each fault that lasts. */
  readonly onTrouble: (error: QuipuError) => void;
}

/** From now on nobody is asked: readers get the newest checkpoint again, which is never older than what they had. */
export async function askNobody(store: Pick<LogStore, "read" | "publishCosigned">): Promise<void> {
  const note = await store.read("cosigned");
  if (note !== undefined && note.length > 0) await store.publishCosigned("");
}

/**
 * The log's checkpoint as readers get it, of whatever coordinator of a fleet: each is at least as new as the one
 * before. Only the leader decides whether the cosigned one is shown.
 */
export async function shownCheckpoint(read: TileReader): Promise<Uint8Array | undefined> {
  const newest = await read("checkpoint"); // first: whatever is put before it meanwhile is not older
  const cosigned = await read("cosigned");
  return cosigned === undefined || cosigned.length === 0 ? newest : cosigned;
}

/** A witness is asked anew with the size that it names, and may have moved on by then. */
const attemptsMax = 3;

export class CosignedLog implements ReceiptLog {
  readonly #log: Sequencer;
  readonly #store: Pick<LogStore, "publishCosigned">;
  readonly #by: WitnessedBy;
  readonly #witnesses: readonly AskedWitness[];
  /** Where each witness stands, as far as it is known. */
  readonly #sizes = new Map<AskedWitness, number>();
  /** Those that have yet to answer: they are asked nothing more until they do. */
  readonly #asked = new Set<AskedWitness>();
  readonly #troubles = new Map<string, string>();
  #cosigned: LogHead | undefined;
  /** One after the other, so that what came last stays. */
  #keeping: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;

  static async open(
    log: Sequencer,
    store: Pick<LogStore, "read" | "publishCosigned">,
    by: WitnessedBy,
  ): Promise<CosignedLog> {
    const note = new TextDecoder().decode(await store.read("cosigned"));
    const opened = new CosignedLog(log, store, by, note);
    // Nobody was asked until now, or by another policy. Readers may have seen the newest checkpoint, which is
    // not to be followed by an older one: it stays until enough have cosigned one that is at least as new.
    if (opened.#cosigned === undefined) await store.publishCosigned(log.head().checkpoint);
    return opened;
  }

  private constructor(
    log: Sequencer,
    store: Pick<LogStore, "publishCosigned">,
    by: WitnessedBy,
    note: string,
  ) {
    this.#log = log;
    this.#store = store;
    this.#by = by;
    this.#witnesses = by.policy.witnesses.flatMap(({ key, url }) => {
      return url === undefined ? [] : [{ key, url }];
    });
    if (note !== "" && this.#isEnough(note)) this.#cosigned = this.#open(note);
  }

  get verifierKey() {
    return this.#log.verifierKey;
  }

  get policyText(): string {
    return this.#by.policyText;
  }

  append(entry: Uint8Array): Promise<{ readonly index: number }> {
    return this.#log.append(entry);
  }

  head() {
    return this.#log.head();
  }

  leafHashes(first: number, end: number): Promise<Uint8Array[]> {
    return this.#log.leafHashes(first, end);
  }

  /** Under the cosigned checkpoint where that one has the entry already. */
  inclusion(index: number): Promise<LogInclusion> {
    const cosigned = this.#cosigned;
    const isThere = cosigned !== undefined && index < cosigned.size;
    return this.#log.inclusion(index, isThere ? cosigned : undefined);
  }

  /** One look at a time; whoever asks meanwhile waits for the same one. Never rejects. */
  step(): Promise<void> {
    this.#running ??= this.#step()
      .catch((thrown: unknown) => this.#trouble("", QuipuError.from(thrown)))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #step(): Promise<void> {
    const head = this.#log.head();
    if (head.size === 0 || head.size === this.#cosigned?.size) return;
    const free = this.#witnesses.filter((witness) => !this.#asked.has(witness));
    let note = head.checkpoint;
    await firstOf(
      free.map(async (witness) => {
        const line = await this.#ask(witness, head);
        if (line === "") return false;
        note += line;
        return await this.#keep({ ...head, checkpoint: note });
      }),
    );
  }

  /** Whether enough have cosigned it. What comes after the quorum is kept as well. */
  async #keep(head: LogHead): Promise<boolean> {
    if (!this.#isEnough(head.checkpoint)) return false;
    this.#keeping = this.#keeping.then(async () => {
      if (head.size < (this.#cosigned?.size ?? 0)) return;
      // A crash after this leaves a cosigned checkpoint that proofs begin with at the next start.
      await this.#store.publishCosigned(head.checkpoint);
      this.#cosigned = head;
      this.#troubles.delete("");
    });
    const kept = this.#keeping;
    this.#keeping = kept.catch(() => undefined); // told to whoever waits for it, and not to the next
    await kept;
    return true;
  }

  /** Its signature line; empty when there is none now. */
  async #ask(witness: AskedWitness, head: LogHead): Promise<string> {
    const { name } = witness.key;
    this.#asked.add(witness);
    try {
      for (let attempt = 1; ; attempt += 1) {
        const oldSize = this.#sizes.get(witness) ?? 0;
        const hashes = await this.#log.consistency(oldSize, head.size);
        const { checkpoint } = head;
        const answer = await this.#by.ask(witness, { oldSize, hashes, checkpoint });
        if ("line" in answer) {
          this.#sizes.set(witness, head.size);
          this.#troubles.delete(name);
          return answer.line;
        }
        if (answer.size > head.size) throw ahead(name, answer.size, head.size); // as long as it says so
        this.#sizes.set(witness, answer.size);
        if (attempt === attemptsMax) throw moving(name, answer.size);
      }
    } catch (thrown) {
      this.#trouble(name, QuipuError.from(thrown));
      return "";
    } finally {
      this.#asked.delete(witness);
    }
  }

  #trouble(name: string, error: QuipuError): void {
    if (this.#troubles.get(name) === error.message) return;
    this.#troubles.set(name, error.message);
    this.#by.onTrouble(error);
  }

  #isEnough(note: string): boolean {
    const { policy } = this.#by;
    const signers = verifyNote(
      parseNote(note),
      policy.witnesses.map(({ key }) => key),
    );
    return meetsQuorum(
      policy,
      signers.map(({ key }) => key),
    );
  }

  #open(note: string): LogHead {
    return { ...openCheckpoint(note, [this.#log.verifierKey]), checkpoint: note };
  }
}

/** Resolves with the first that is true, or when none is; a later fault is nobody's any more. */
function firstOf(asked: readonly Promise<boolean>[]): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const one of asked) {
      one.then((isEnough) => {
        if (isEnough) resolve();
      }, reject);
    }
    void Promise.allSettled(asked).then(() => resolve());
  });
}

function ahead(name: string, size: number, own: number): QuipuError {
  const text = `the witness ${name} has seen this log at size ${size}, and it has ${own} entries`;
  return new QuipuError("LOG_CORRUPT", text, {
    next: "stop this coordinator: its log is an older copy; restore one that is at least as new",
  });
}

function moving(name: string, size: number): QuipuError {
  const text = `the witness ${name} has another checkpoint of size ${size}`;
  return new QuipuError("CONFLICT", text, {
    next: "see whether two coordinators write one log, or whether this log forked (`GET /fork`)",
  });
}
