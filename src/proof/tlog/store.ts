/**
 * What a log needs of its storage, and what each promise means after a crash. One writer at a time
 * commits; the compare-and-swap is what fences a second one.
 *
 * Durable means: once the promise resolves, the effect survives power loss. When a promise rejects,
 * the effect may or may not have happened; the writer reads `committed` again before it goes on.
 */
export interface LogStore {
  /** The newest committed checkpoint note; undefined for a log that was never created. */
  committed(): Promise<string | undefined>;
  /**
   * Durably replaces `expected` (undefined: nothing yet) by `next`, or rejects with CONFLICT and
   * changes nothing when another writer was first. The one moment at which entries enter the log.
   */
  compareAndSwap(expected: string | undefined, next: string): Promise<void>;

  /** Durably keeps what must be published once the checkpoint of this size and root commits. */
  stage(name: StageName, content: Uint8Array): Promise<void>;
  staged(name: StageName): Promise<Uint8Array | undefined>;
  /** Forgets every stage up to this size; none of them can commit any more. Need not be durable. */
  dropStages(sizeMax: number): Promise<void>;

  /**
   * Durably publishes a tile or an entry bundle, write-once: the same bytes again are welcome,
   * other bytes under a published path are LOG_CORRUPT and leave the first ones in place.
   */
  publish(path: string, content: Uint8Array): Promise<void>;
  /**
   * Removes the unfinished forms of a finished tile or bundle; readers fall back to the finished
   * one. Need not be durable.
   */
  dropPartials(path: string): Promise<void>;
  /** Durably replaces the checkpoint that readers see. */
  publishCheckpoint(note: string): Promise<void>;
  /** Durably replaces the newest checkpoint that enough witnesses have cosigned; empty: none is asked for. */
  publishCosigned(note: string): Promise<void>;
  /** A published file: `checkpoint`, `cosigned`, `tile/...`; undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** Published files that change; tiles never do. */
export const notePaths: readonly string[] = Object.freeze(["checkpoint", "cosigned"]);

export interface StageName {
  readonly size: number;
  /** Hexadecimal. */
  readonly root: string;
}
