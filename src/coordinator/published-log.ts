/**
 * The log as it is published, for a coordinator that does not write it. What is asked is answered under a
 * checkpoint that was read after the question came, so it is never older than what the leader has answered
 * before: the leader publishes first.
 */
import { QuipuError } from "../base/errors.js";
import { type Checkpoint, openCheckpoint } from "../proof/tlog/checkpoint.js";
import type { VerifierKey } from "../proof/tlog/note.js";
import { LogReader } from "../proof/tlog/reader.js";
import type { TileReader } from "../proof/tlog/tile.js";
import type { LogInclusion } from "./sequencer.js";

export interface PublishedHead extends Checkpoint {
  /** The signed note. */
  readonly checkpoint: string;
}

export class PublishedLog {
  readonly verifierKey: VerifierKey;
  readonly #read: TileReader;
  readonly #reader: LogReader;
  /** Of a head that was seen; the log has not shrunk since. */
  #sizeSeen = 0;

  constructor(read: TileReader, verifierKey: VerifierKey) {
    this.verifierKey = verifierKey;
    this.#read = read;
    this.#reader = new LogReader(read);
  }

  async head(): Promise<PublishedHead> {
    const note = await this.#read("checkpoint");
    if (note === undefined) {
      throw new QuipuError("UNAVAILABLE", "the log has no checkpoint yet", {
        next: "try again when a coordinator has begun to lead",
      });
    }
    const checkpoint = new TextDecoder().decode(note);
    const head = { ...openCheckpoint(checkpoint, [this.verifierKey]), checkpoint };
    this.#sizeSeen = head.size;
    return head;
  }

  async inclusion(index: number): Promise<LogInclusion> {
    const { size, root, checkpoint } = await this.head();
    const hashes = await this.#reader.inclusion(index, size);
    return { index, size, root, hashes, checkpoint };
  }

  async leafHashes(first: number, end: number): Promise<Uint8Array[]> {
    if (end > this.#sizeSeen) await this.head();
    return await this.#reader.leafHashes(first, end, this.#sizeSeen);
  }
}
