/**
 * Makes a coordinator's state anew out of a backup: the log, then the rows, then the keys. A crash on
 * the way leaves a log without the key that signed it, which no coordinator opens (it makes a key of its
 * own, sees that it is another, and ends); so a half-restored state is never gone on with.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { openArtifactStore } from "../../io/artifact/store.js";
import { copyKey } from "../../io/identity/signer.js";
import { LogFolder, publishedFiles } from "../../io/store/log-folder.js";
import { fillStore, type NewStore, storeExists } from "../../io/store/store-copy.js";
import type { Backup } from "../../model/backup.js";
import { checkConsistency } from "../../proof/tlog/check.js";
import type { Checkpoint } from "../../proof/tlog/checkpoint.js";
import { copyLog } from "../../proof/tlog/copy.js";
import { parseProofFile } from "../../proof/tlog/proof-file.js";
import { LogReader } from "../../proof/tlog/reader.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { artifactsOf, keyNames } from "../keys-and-blobs.js";
import { storePath } from "../storage.js";
import { type Kept, signedBy } from "./backup.js";
import { requireArtifacts, restoreArtifacts } from "./backup-artifacts.js";
import { linesOf, openBackup } from "./backup-folder.js";

export interface RestoreOptions extends Kept {
  /** Folder of the backup. */
  readonly source: string;
  /** File with a checkpoint that somebody kept, or a proof with one; empty: none. */
  readonly seen: string;
}

/** The state folder is open, and held by the caller. */
export async function restoreBackup(options: RestoreOptions): Promise<Backup> {
  const { source, stateFolder, sharedFolder, store, seen, artifacts } = options;
  const where = store || storePath(stateFolder);
  if (store === "" && storeExists(where)) throw notEmpty(where);
  const backup = await openBackup(source);
  const read = publishedFiles(join(source, "log"));
  const note = new TextDecoder().decode((await read("checkpoint")) ?? new Uint8Array());
  const checkpoint = await signedBy(join(source, "keys"), note);
  await requireEntries(source, checkpoint, read);
  if (seen !== "") await requireNotOlder(seen, join(source, "keys"), checkpoint, read);
  if (artifacts !== "") {
    await requireArtifacts(source, backup, artifacts);
    const blobs = await openArtifactStore(artifactsOf(sharedFolder || stateFolder), {
      isShared: sharedFolder !== "",
    });
    await restoreArtifacts(source, artifacts, blobs);
  }
  if (store === "") await restoreLogFolder(join(stateFolder, "log"), read, checkpoint, note);
  await fillStore(where, backup.schema, async (filled) => {
    if (store !== "") await restoreLogRows(filled, read, checkpoint, note);
    for (const table of filled.tables) {
      await filled.insert(table, linesOf(source, `store/${table}.jsonl`));
    }
  });
  const keys = join(sharedFolder || stateFolder, "keys");
  for (const name of keyNames) await copyKey(name, join(source, "keys"), keys);
  return backup;
}

async function restoreLogFolder(
  folder: string,
  read: TileReader,
  checkpoint: Checkpoint,
  note: string,
): Promise<void> {
  const log = await LogFolder.open(folder);
  if ((await log.committed()) !== undefined) throw notEmpty(folder);
  await copyLog(read, checkpoint, ({ path, content }) => log.publish(path, content));
  await log.compareAndSwap(undefined, note);
  await log.publishCheckpoint(note);
}

/** In the transaction of the rows. */
async function restoreLogRows(
  { logFiles }: NewStore,
  read: TileReader,
  checkpoint: Checkpoint,
  note: string,
): Promise<void> {
  if ((await logFiles.head()) !== undefined) throw notEmpty("a log in the database");
  await copyLog(read, checkpoint, async ({ path, content }) => {
    await logFiles.insertFile(path, content);
  });
  await logFiles.putHead(note);
  await logFiles.replaceFile("checkpoint", new TextEncoder().encode(note));
}

/** Every entry that the rows speak of is in the log, at its place. */
async function requireEntries(
  source: string,
  { size }: Checkpoint,
  read: TileReader,
): Promise<void> {
  const log = new LogReader(read);
  const fault = (what: string): QuipuError =>
    new QuipuError("VERIFICATION_FAILED", `${what}, and the log of this backup has ${size}`, {
      next: "use another backup: a log that is older than its store would fork",
    });
  for await (const line of linesOf(source, "store/receipts.jsonl")) {
    const { log_index: index, run_id: run } = JSON.parse(line) as Record<string, unknown>;
    if (typeof index === "number" && index >= size) {
      throw fault(`the receipt of run ${run} is entry ${index}`);
    }
  }
  for await (const line of linesOf(source, "store/log_leaves.jsonl")) {
    const { leaf_hash: leaf, log_index: index } = JSON.parse(line) as Record<string, unknown>;
    // In the order of the log, so that a tile at a time is in memory.
    const at = Number(index);
    const [found] = at < size ? await log.leafHashes(at, at + 1, size) : [];
    if (found !== undefined && leaf === `sha256:${toHex(found)}`) continue;
    throw fault(`the store has ${String(leaf)} as entry ${index}`);
  }
}

/** Whoever kept a newer checkpoint would see a log that went on from an older one as a fork. */
async function requireNotOlder(
  path: string,
  keys: string,
  checkpoint: Checkpoint,
  read: TileReader,
): Promise<void> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw QuipuError.from(thrown);
  });
  const isProof = text.startsWith("c2sp.org/tlog-proof@");
  const seen = await signedBy(keys, isProof ? parseProofFile(text).checkpoint : text);
  const { size, root } = checkpoint;
  if (seen.size > size) {
    const text = `${path} shows the log with ${seen.size} entries; this backup has ${size}`;
    throw new QuipuError("CONFLICT", text, {
      next: "use a newer backup: a log that goes on from here would contradict what others hold",
    });
  }
  const [oldSize, oldRoot] = [seen.size, seen.root];
  if (oldSize === 0) return;
  const hashes = await new LogReader(read).consistency(oldSize, size);
  if (checkConsistency({ oldSize, oldRoot, newSize: size, newRoot: root, hashes })) return;
  throw new QuipuError("LOG_CORRUPT", `the log of this backup does not go on from ${path}`, {
    next: "one of them is of a log that forked; find out which before anything is restored",
  });
}

function notEmpty(what: string): QuipuError {
  return new QuipuError("CONFLICT", `${what} is there already`, {
    next: "restore into an empty state folder; move this one away if you are sure",
  });
}
