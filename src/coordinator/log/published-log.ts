/**
 * The log as it is published, for a coordinator that does not write it. What is asked is answered under a
 * checkpoint that was read after the question came, so it is never older than what the leader has answered
 * before: the leader publishes first.
 */
import { QuipuError } from "../../base/errors.js";
import { openCheckpoint } from "../../proof/tlog/checkpoint.js";
import { LogReader } from "../../proof/tlog/reader.js";
import type { LogHead, LogInclusion } from "../../proof/tlog/sequencer.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import type { VerifierKey } from "../../proof/tlog/verifier-key.js";

export class PublishedLog {
  readonly verifierKey: VerifierKey;
  /** Who must have cosigned it, as a file; absent: nobody. */
  readonly policyText?: string;
  readonly #read: TileReader;
  readonly #reader: LogReader;
  /** Of a head that was seen; the log has not shrunk since. */
  #sizeSeen = 0;

  constructor(read: TileReader, verifierKey: VerifierKey, policyText?: string) {
    this.verifierKey = verifierKey;
    if (policyText !== undefined) this.policyText = policyText;
    this.#read = read;
    this.#reader = new LogReader(read);
  }

  async head(): Promise<LogHead> {
    const head = await this.#open("checkpoint");
    if (head === undefined) {
      throw new QuipuError("UNAVAILABLE", "the log has no checkpoint yet", {
        next: "try again when a coordinator has begun to lead",
      });
    }
    this.#sizeSeen = head.size;
    return head;
  }

  /** Under the newest checkpoint that witnesses have cosigned, where that one has the entry already. */
  async inclusion(index: number): Promise<LogInclusion> {
    const cosigned = this.policyText === undefined ? undefined : await this.#open("cosigned");
    const isThere = cosigned !== undefined && index < cosigned.size;
    const { size, root, checkpoint } = isThere ? cosigned : await this.head();
    const hashes = await this.#reader.inclusion(index, size);
    return { index, size, root, hashes, checkpoint };
  }

  async leafHashes(first: number, end: number): Promise<Uint8Array[]> {
    if (end > this.#sizeSeen) await this.head();
    return await this.#reader.leafHashes(first, end, this.#sizeSeen);
  }

  async #open(path: string): Promise<LogHead | undefined> {
    const note = await this.#read(path);
    if (note === undefined || note.length === 0) return undefined;
    const checkpoint = new TextDecoder().decode(note);
    return { ...openCheckpoint(checkpoint, [this.verifierKey]), checkpoint };
  }
}
