/**
 * Copies what a coordinator must not lose, while it is at work or not: first the rows of its store as
 * they are at one moment, then the log as it is published after that. So the log has every entry that
 * the rows speak of; a receipt that came in between is in the log alone, and its run is made again
 * after a restore.
 */
import { join } from "node:path";
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { copyKey, loadOrCreateSigner } from "../../io/identity/signer.js";
import { publishedFiles } from "../../io/store/log-folder.js";
import { readSnapshot, storeExists } from "../../io/store/store-copy.js";
import { type Backup, backupVersion } from "../../model/backup.js";
import {
  type Checkpoint,
  openCheckpoint,
  parseCheckpointText,
} from "../../proof/tlog/checkpoint.js";
import { copyLog } from "../../proof/tlog/copy.js";
import { parseNote } from "../../proof/tlog/note.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { verifierKeyOf } from "../../proof/tlog/verifier-key.js";
import { artifactsOf, keyNames } from "../keys-and-blobs.js";
import { storePath } from "../storage.js";
import { writeArtifacts } from "./backup-artifacts.js";
import { NewBackup } from "./backup-folder.js";

/** Where a coordinator keeps what it must not lose. */
export interface Kept {
  readonly stateFolder: string;
  /** Address of its database; empty: a file in the state folder. */
  readonly store: string;
  /** Folder of its keys and blobs; empty: the state folder. */
  readonly sharedFolder: string;
  /** Folder that blobs are copied to and from; empty: they are left out. */
  readonly artifacts: string;
}

export interface BackupOptions extends Kept {
  /** Folder that is not there yet. */
  readonly target: string;
  readonly program: string;
  readonly nowMs: number;
}

export async function makeBackup(options: BackupOptions): Promise<Backup> {
  const { stateFolder, sharedFolder, store, target, program, nowMs } = options;
  const where = store || storePath(stateFolder);
  if (!storeExists(where)) {
    throw new QuipuError("NOT_FOUND", `no coordinator keeps its state in ${stateFolder}`, {
      next: "give its state folder with --state, and its database with --store where it has one",
    });
  }
  const backup = await NewBackup.begin(target);
  for (const name of keyNames) {
    await copyKey(name, join(sharedFolder || stateFolder, "keys"), join(target, "keys"));
    await backup.adopt(`keys/${name}.key.pem`);
  }
  const rows: Record<string, number> = {};
  const facts = await readSnapshot(where, async (snapshot) => {
    for (const table of snapshot.tables) {
      rows[table] = 0;
      await backup.write(
        `store/${table}.jsonl`,
        lines(snapshot.rows(table), () => {
          rows[table] = (rows[table] ?? 0) + 1;
        }),
      );
    }
    const read =
      store === "" ? publishedFiles(join(stateFolder, "log", "public")) : snapshot.logFile;
    return { schema: snapshot.schema, log: await writeLog(backup, read) };
  });
  const own = artifactsOf(sharedFolder || stateFolder);
  const artifacts = options.artifacts && (await writeArtifacts(backup, own, options.artifacts));
  return await backup.finish({
    version: backupVersion,
    madeAt: new Date(nowMs).toISOString(),
    program,
    ...facts,
    rows,
    ...(artifacts ? { artifacts } : {}),
  });
}

async function writeLog(backup: NewBackup, read: TileReader): Promise<Backup["log"]> {
  const note = await read("checkpoint");
  if (note === undefined) {
    throw new QuipuError("NOT_FOUND", "the coordinator has no log yet", {
      next: "start it once: the log begins then",
    });
  }
  const checkpoint = await signedBy(join(backup.path, "keys"), new TextDecoder().decode(note));
  await copyLog(read, checkpoint, ({ path, content }) => backup.write(`log/${path}`, [content]));
  await backup.write("log/checkpoint", [note]);
  const { origin, size, root } = checkpoint;
  return { origin, size, root: toHex(root) };
}

/** The checkpoint, if the log key in this folder has signed it; else VERIFICATION_FAILED. */
export async function signedBy(keys: string, note: string): Promise<Checkpoint> {
  const signer = await loadOrCreateSigner(keys, "log", "ed25519");
  const { origin } = parseCheckpointText(parseNote(note).text);
  return openCheckpoint(note, [verifierKeyOf(signer, origin)]);
}

async function* lines(texts: AsyncIterable<string>, each: () => void): AsyncGenerator<Uint8Array> {
  for await (const text of texts) {
    each();
    yield new TextEncoder().encode(`${text}\n`);
  }
}
