/**
 * Blobs of a backup. They never change under their names, so they lie in a folder of their own that many
 * backups share: each copies what is not there yet. `artifacts.jsonl` of a backup names those it counts
 * on, a digest and a size a line, in the order of digests.
 */
import { parseDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { copyBlob, storeOfCopies, storeToRead } from "../../io/artifact/copy.js";
import type { ArtifactStat, ArtifactStore } from "../../io/artifact/store.js";
import type { Backup } from "../../model/backup.js";
import { linesOf, type NewBackup } from "./backup-folder.js";

const listName = "artifacts.jsonl";

/** After the rows: what they speak of was there before they did. */
export async function writeArtifacts(
  backup: NewBackup,
  own: string,
  folder: string,
): Promise<Backup["artifacts"]> {
  const from = await storeToRead(own);
  const to = await storeOfCopies(folder);
  const sums = { count: 0, sizeBytes: 0 };
  async function* copied(): AsyncGenerator<Uint8Array> {
    for await (const blob of from.list()) {
      if ((await copyBlob(from, to, blob)) === undefined) continue; // removed meanwhile
      sums.count += 1;
      sums.sizeBytes += blob.sizeBytes;
      yield new TextEncoder().encode(`${JSON.stringify(blob)}\n`);
    }
  }
  await backup.write(listName, copied());
  return sums;
}

/** Before anything is written: that all of them are there. */
export async function requireArtifacts(
  source: string,
  { artifacts }: Backup,
  folder: string,
): Promise<void> {
  if (artifacts === undefined) {
    throw new QuipuError("NOT_FOUND", "this backup was made without its artifacts", {
      next: "leave --artifacts out; blobs that were copied otherwise can be laid in artifacts/",
    });
  }
  const from = await storeToRead(folder);
  for await (const { digest, sizeBytes } of listed(source)) {
    if ((await from.stat(digest))?.sizeBytes === sizeBytes) continue;
    throw missing(digest, folder);
  }
}

/** Into the folder of the coordinator to be; a restore that was cut short goes on. */
export async function restoreArtifacts(
  source: string,
  folder: string,
  to: ArtifactStore,
): Promise<void> {
  const from = await storeToRead(folder);
  for await (const blob of listed(source)) {
    if ((await copyBlob(from, to, blob)) === undefined) throw missing(blob.digest, folder);
  }
}

async function* listed(source: string): AsyncGenerator<ArtifactStat> {
  for await (const line of linesOf(source, listName)) {
    const { digest, sizeBytes } = JSON.parse(line) as ArtifactStat;
    yield { digest: parseDigest(digest), sizeBytes };
  }
}

function missing(digest: string, folder: string): QuipuError {
  return new QuipuError("NOT_FOUND", `${digest} of the backup is not in ${folder}`, {
    next: "name the folder that the backup was made with, or restore without --artifacts",
  });
}
