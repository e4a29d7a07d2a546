/**
 * Where a coordinator keeps jobs and log: alone in its state folder, or in a database that others
 * may share. Everybody may read; who may write waits for leadership where there are others.
 */
import { join } from "node:path";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import { LogDatabase } from "../io/store/log-database.js";
import { LogFolder } from "../io/store/log-folder.js";
import { openCoordinatorStore } from "../io/store/sql-store.js";
import type { LogStore } from "../proof/tlog/store.js";
import { Leadership, type LeadershipOptions } from "./leadership.js";

export interface Storage {
  /** To read from, and to ask whether it answers. */
  readonly store: CoordinatorStore;
  readonly logFiles: LogStore;
  /** Whether others may be at work on it. */
  readonly isShared: boolean;
  /** Resolves when this process may write. */
  lead(options: Omit<LeadershipOptions, "store">): Promise<Writable>;
}

/** What may be written to for as long as nobody else has taken over. */
export interface Writable {
  readonly store: CoordinatorStore;
  readonly logFiles: LogStore;
  /** Absent where there is nobody else. */
  readonly leadership?: Leadership;
}

/** `address` of a PostgreSQL database; empty: files in the state folder. */
export async function openStorage(stateFolder: string, address: string): Promise<Storage> {
  if (address === "") return await openAlone(stateFolder);
  const store = await openCoordinatorStore(address);
  return {
    store,
    logFiles: new LogDatabase(store),
    isShared: true,
    async lead(options) {
      const leadership = await Leadership.take({ ...options, store });
      const { store: led } = leadership;
      return { store: led, logFiles: new LogDatabase(led), leadership };
    },
  };
}

/** Layout of the state folder: keys, database, log, artifacts. */
export const stateLayout = Object.freeze({ kind: "coordinator", version: 1 });

/** The database of a coordinator that has none elsewhere. */
export function storePath(stateFolder: string): string {
  return join(stateFolder, "coordinator.db");
}

async function openAlone(stateFolder: string): Promise<Storage> {
  const store = await openCoordinatorStore(storePath(stateFolder));
  try {
    const logFiles = await LogFolder.open(join(stateFolder, "log"));
    return { store, logFiles, isShared: false, lead: async () => ({ store, logFiles }) };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}
