/**
 * The log's one writer: puts entries in order and answers when their order can no longer change.
 * Appends that arrive while a commit is under way share the next one.
 *
 * An entry is in the log from the moment its checkpoint is swapped in, and never before; everything
 * after that moment can be done again, and is, by the same code, at the next start.
 */
import { equalBytes, toHex } from "../../base/bytes.js";
import type { Clock } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";
import { appendEntries, emptyEdge, type LogFile, readEdge } from "./append.js";
import { AppendQueue, type Waiting } from "./append-queue.js";
import { type Checkpoint, openCheckpoint, signCheckpoint } from "./checkpoint.js";
import { emptyRoot, type HashMany, joinPeaks, leafHash } from "./hash.js";
import { LogReader } from "./reader.js";
import { decodeStage, encodeStage } from "./stage.js";
import type { LogStore } from "./store.js";
import { entryBytesMax } from "./tile.js";
import { type VerifierKey, verifierKeyOf } from "./verifier-key.js";

export interface SequencerOptions {
  readonly store: LogStore;
  /** The log's Ed25519 key. */
  readonly signer: Signer;
  /** The log's name: a schema-less URL. */
  readonly origin: string;
  readonly clock: Clock;
  /** Hashes many at once; without it one by one, in JavaScript. */
  readonly hashMany?: HashMany;
}

/** A checkpoint and the signed note that says so. */
export interface LogHead extends Checkpoint {
  readonly checkpoint: string;
}

export interface SequencerHead extends LogHead {
  /** When this process saw it durable and published. */
  readonly atMs: number;
}

/** Where an entry is and how anyone can check it under `checkpoint`. */
export interface LogInclusion {
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: string;
}

/** A commit whose fate is not known until the committed checkpoint is read again. */
interface Doubt {
  readonly note: string;
  readonly previous: string;
  readonly first: number;
  readonly entries: readonly Uint8Array[];
}

const unansweredMax = 65_536;

export class Sequencer {
  readonly verifierKey: VerifierKey;
  readonly #options: SequencerOptions;
  readonly #reader: LogReader;
  readonly #queue: AppendQueue;
  #edge = emptyEdge;
  #head: SequencerHead;
  #doubt: Doubt | undefined;
  /** Entries that committed although their append was answered with an error, by leaf hash. */
  readonly #unanswered = new Map<string, number>();

  /** Opens the log, or begins it; finishes what a crash cut short. */
  static async open(options: SequencerOptions): Promise<Sequencer> {
    const sequencer = new Sequencer(options);
    const { store, signer, origin } = options;
    if ((await store.committed()) === undefined) {
      const note = signCheckpoint({ origin, size: 0, root: emptyRoot() }, signer);
      await store.compareAndSwap(undefined, note);
    }
    await sequencer.#recover();
    return sequencer;
  }

  private constructor(options: SequencerOptions) {
    this.#options = options;
    this.verifierKey = verifierKeyOf(options.signer, options.origin);
    this.#reader = new LogReader((path) => options.store.read(path), options.hashMany);
    this.#queue = new AppendQueue((batch) => this.#sequence(batch));
    const { origin, clock } = options;
    this.#head = { origin, size: 0, root: emptyRoot(), checkpoint: "", atMs: clock.wallMs() };
  }

  /**
   * Resolves when the checkpoint that covers the entry is durable and everything it needs is
   * published. Appends of the same bytes while one of them is under way are one entry; and bytes
   * whose append failed after it had committed keep their first index.
   */
  append(entry: Uint8Array): Promise<{ readonly index: number }> {
    if (entry.length > entryBytesMax) {
      const text = `a log entry of ${entry.length} bytes is longer than ${entryBytesMax}`;
      return Promise.reject(new QuipuError("LIMIT_EXCEEDED", text));
    }
    return this.#queue.add(entry);
  }

  /** The newest published checkpoint. */
  head(): SequencerHead {
    return this.#head;
  }

  /** Under the newest checkpoint, or an older one of this log. */
  async inclusion(index: number, under: LogHead = this.#head): Promise<LogInclusion> {
    const { size, root, checkpoint } = under;
    const hashes = await this.#reader.inclusion(index, size);
    return { index, size, root, hashes, checkpoint };
  }

  /** Of a size up to the newest one, from a smaller one. */
  consistency(oldSize: number, newSize: number): Promise<readonly Uint8Array[]> {
    return this.#reader.consistency(oldSize, newSize);
  }

  /** Of entries `first` up to, not including, `end`: 32 bytes each, read from the hash tiles. */
  leafHashes(first: number, end: number): Promise<Uint8Array[]> {
    return this.#reader.leafHashes(first, end, this.#head.size);
  }

  entries(first: number, end: number): Promise<Uint8Array[]> {
    return this.#reader.entries(first, end, this.#head.size);
  }

  async #sequence(batch: readonly Waiting[]): Promise<void> {
    await this.#settle();
    const fresh = this.#unanswered.size === 0 ? batch : batch.filter((one) => !this.#answer(one));
    if (fresh.length > 0) await this.#commit(fresh);
  }

  /** True for one that had committed without an answer. */
  #answer({ entry, resolve }: Waiting): boolean {
    const key = toHex(leafHash(entry));
    const index = this.#unanswered.get(key);
    if (index === undefined) return false;
    this.#unanswered.delete(key);
    resolve({ index });
    return true;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { store, signer, origin, hashMany } = this.#options;
    const previous = this.#head;
    const entries = batch.map(({ entry }) => entry);
    const growth = appendEntries(this.#edge, entries, hashMany);
    const { size } = growth.edge;
    const note = signCheckpoint({ origin, size, root: growth.root }, signer);

    // 1. Stage what the commit will publish. A crash or an error here: nothing has happened; the
    //    stage can never commit and is dropped with a later one.
    await store.stage({ size, root: toHex(growth.root) }, encodeStage(growth.files));

    this.#doubt = { note, previous: previous.checkpoint, first: previous.size, entries };
    try {
      // 2. Swap the checkpoint: the commit. A crash before it leaves the old log; after it, the
      //    next start finds the new checkpoint committed and its stage durable, and goes on at 3.
      await store.compareAndSwap(previous.checkpoint, note);
      await this.#finish({ origin, size, root: growth.root }, note, growth.files);
      this.#edge = growth.edge;
      this.#doubt = undefined;
    } catch (thrown) {
      // An error may come after its effect. Ask what is committed and finish that. When this fails
      // as well the doubt stays, and the next append begins with it.
      const held = await this.#settle().catch(() => undefined);
      if (held !== note) throw thrown;
      for (const entry of entries) this.#unanswered.delete(toHex(leafHash(entry)));
    }
    // 5. Answer. A crash before it: the entries are in the log and the submitters ask again; they
    //    find them by their leaf hashes.
    batch.forEach(({ resolve }, i) => {
      resolve({ index: previous.size + i });
    });
    // 6. Drop the stage and the unfinished forms of what is now finished. A crash or an error
    //    here leaves files that nobody reads; the next commit drops the stage.
    await this.#tidy(growth.files).catch(() => undefined);
  }

  /** Publishes a committed checkpoint; the same for a commit and for its recovery. */
  async #finish(head: Checkpoint, note: string, files: readonly LogFile[]): Promise<void> {
    const { store, clock } = this.#options;
    // 3. Publish tiles and bundles. A crash among them: they are written once, so doing it again
    //    writes the missing ones and finds the others equal.
    await allDone(files.map(({ path, content }) => store.publish(path, content)));
    // 4. Publish the checkpoint, after every file that it needs. A crash before it: readers still
    //    see the old checkpoint, whose files are all there.
    await store.publishCheckpoint(note);
    this.#head = { ...head, checkpoint: note, atMs: clock.wallMs() };
  }

  async #tidy(files: readonly LogFile[]): Promise<void> {
    const { store } = this.#options;
    await store.dropStages(this.#head.size);
    const finished = files.filter(({ path }) => !path.includes(".p/"));
    await allDone(finished.map(({ path }) => store.dropPartials(path)));
  }

  /** Ends a doubt by reading what is committed; returns that checkpoint, undefined without doubt. */
  async #settle(): Promise<string | undefined> {
    if (this.#doubt === undefined) return undefined;
    const { note, previous, first, entries } = this.#doubt;
    const committed = await this.#options.store.committed();
    if (committed !== note && committed !== previous) {
      throw new QuipuError("FENCED", "another writer has taken over this log", {
        next: "stop this coordinator; the one that took over goes on",
      });
    }
    await this.#recover();
    this.#doubt = undefined;
    if (committed === note) this.#keepUnanswered(entries, first);
    return committed;
  }

  #keepUnanswered(entries: readonly Uint8Array[], first: number): void {
    for (const [i, entry] of entries.entries()) {
      this.#unanswered.set(toHex(leafHash(entry)), first + i);
    }
    for (const key of this.#unanswered.keys()) {
      if (this.#unanswered.size <= unansweredMax) break;
      this.#unanswered.delete(key); // submitters that long gone look their entries up in the log
    }
  }

  /** From the store alone to a published head and an edge to append to. */
  async #recover(): Promise<void> {
    const { store } = this.#options;
    const note = await store.committed();
    if (note === undefined) throw corrupt("its committed checkpoint has vanished");
    const head = this.#open(note);
    const { size, root } = head;
    const published = await store.read("checkpoint");
    const publishedNote = published && new TextDecoder().decode(published);
    if (publishedNote && this.#open(publishedNote).size > size) {
      throw corrupt(`it has published more than the ${size} entries that are committed`);
    }
    // While a stage is there, not all of its files need be durable, whatever can be read now.
    const stage = await store.staged({ size, root: toHex(root) });
    if (publishedNote !== note && stage === undefined && size > 0) {
      throw corrupt(`the staged files of its committed size ${size} are missing`);
    }
    await this.#finish(head, note, stage === undefined ? [] : decodeStage(stage));
    this.#edge = await readEdge((path) => store.read(path), size);
    if (!equalBytes(joinPeaks(this.#edge.peaks), root)) {
      throw corrupt(`its tiles do not have the root that was signed at size ${size}`);
    }
    await store.dropStages(size);
  }

  #open(note: string): Checkpoint {
    return openCheckpoint(note, [this.verifierKey]);
  }
}

/** Unlike `Promise.all` it waits for the others when one has failed: none is left to meet what comes next. */
async function allDone(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

function corrupt(why: string): QuipuError {
  return new QuipuError("LOG_CORRUPT", `the log cannot be continued: ${why}`, {
    next: "restore the log from a copy that is at least as new; never go on from an older one",
  });
}
