/**
 * A log in the coordinator's database, so that replicas share it. What a step writes goes through
 * `transact`: files that are published at the same moment share one commit, and a leader that gives
 * its fenced `transact` changes nothing once another has taken over.
 */
import { equalBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type LogStore, notePaths, type StageName } from "../../proof/tlog/store.js";
import { isTilePath } from "../../proof/tlog/tile.js";
import type { CoordinatorStore } from "./coordinator-store.js";
import { logConflict, rewritten } from "./log-errors.js";

export class LogDatabase implements LogStore {
  readonly #store: Pick<CoordinatorStore, "logFiles" | "transact">;

  constructor(store: Pick<CoordinatorStore, "logFiles" | "transact">) {
    this.#store = store;
  }

  committed(): Promise<string | undefined> {
    return this.#store.logFiles.head();
  }

  /** Of two that saw the same head one loses its transaction, is run again, and sees the other's. */
  compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    return this.#store.transact(async ({ logFiles }) => {
      if ((await logFiles.head()) !== expected) throw logConflict();
      await logFiles.putHead(next);
    });
  }

  stage(name: StageName, content: Uint8Array): Promise<void> {
    return this.#store.transact(({ logFiles }) => logFiles.stage(name, content));
  }

  staged(name: StageName): Promise<Uint8Array | undefined> {
    return this.#store.logFiles.staged(name);
  }

  dropStages(sizeMax: number): Promise<void> {
    return this.#store.transact(({ logFiles }) => logFiles.dropStages(sizeMax));
  }

  publish(path: string, content: Uint8Array): Promise<void> {
    if (!isTilePath(path)) {
      throw new QuipuError("INVALID_ARGUMENT", `${path} is not a path of a tile`);
    }
    return this.#store.transact(async ({ logFiles }) => {
      if (await logFiles.insertFile(path, content)) return;
      const published = await logFiles.file(path);
      if (published === undefined || !equalBytes(published, content)) throw rewritten(path);
    });
  }

  dropPartials(path: string): Promise<void> {
    return this.#store.transact(({ logFiles }) => logFiles.dropPartials(path));
  }

  publishCheckpoint(note: string): Promise<void> {
    return this.#replace("checkpoint", note);
  }

  publishCosigned(note: string): Promise<void> {
    return this.#replace("cosigned", note);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    if (!notePaths.includes(path) && !isTilePath(path)) return undefined;
    return await this.#store.logFiles.file(path);
  }

  #replace(path: string, note: string): Promise<void> {
    const content = new TextEncoder().encode(note);
    return this.#store.transact(({ logFiles }) => logFiles.replaceFile(path, content));
  }
}
