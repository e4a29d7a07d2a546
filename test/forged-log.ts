/** A log whose operator may lie: it grows as asked, can be copied at any size, and signs what it is told. */
import type { Signer } from "../src/base/signature.js";
import { newSigner } from "../src/io/identity/signer.js";
import { appendEntries, emptyEdge, type Growth } from "../src/proof/tlog/append.js";
import { signCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { verifierKeyOf } from "../src/proof/tlog/verifier-key.js";

export const origin = "log.example/forged";
export const logSigner: Signer = newSigner("ed25519");
export const logKey = verifierKeyOf(logSigner, origin);

export class ForgedLog {
  readonly files: Map<string, Uint8Array>;
  #growth: Growth;

  constructor(from?: ForgedLog) {
    this.files = new Map(from?.files ?? []);
    this.#growth = from === undefined ? appendEntries(emptyEdge, []) : from.#growth;
  }

  get size(): number {
    return this.#growth.edge.size;
  }

  /** Every partial tile stays, so that all sizes can be read. */
  grow(entries: readonly string[]): this {
    for (const entry of entries) {
      this.#growth = appendEntries(this.#growth.edge, [new TextEncoder().encode(entry)]);
      for (const { path, content } of this.#growth.files) this.files.set(path, content);
    }
    this.files.set("checkpoint", new TextEncoder().encode(this.note()));
    return this;
  }

  note(signer = logSigner, name = origin): string {
    return signCheckpoint({ origin: name, size: this.size, root: this.#growth.root }, signer);
  }

  reader(): LogReader {
    return new LogReader(async (path) => this.files.get(path));
  }
}
