/**
 * Blobs from one store into another, by digest: what arrives is compared with its name, what is there
 * already is skipped. So a copy that was cut short is made again and goes on where it stopped.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { type ArtifactStat, ArtifactStore, openArtifactStore } from "./store.js";

/** To be read only: a store that others have open, whose unfinished uploads are theirs. */
export async function storeToRead(folder: string): Promise<ArtifactStore> {
  await access(join(folder, "sha256")).catch((cause: unknown) => {
    throw new QuipuError("NOT_FOUND", `no artifacts are in ${folder}`, {
      next: "name the folder that has them",
      cause,
    });
  });
  return new ArtifactStore(folder, join(folder, "temporary"), {});
}

/** Beside others that copy into it. */
export function storeOfCopies(folder: string): Promise<ArtifactStore> {
  return openArtifactStore(folder, { isShared: true, storeBytesMax: Number.MAX_SAFE_INTEGER });
}

/** Whether it had to be copied; undefined when it is gone from the one it was to come from. */
export async function copyBlob(
  from: ArtifactStore,
  to: ArtifactStore,
  { digest, sizeBytes }: ArtifactStat,
): Promise<boolean | undefined> {
  if ((await to.stat(digest))?.sizeBytes === sizeBytes) return false;
  try {
    const { stream } = await from.open(digest);
    await to.put(stream, { expected: digest, sizeBytesMax: Number.MAX_SAFE_INTEGER });
    return true;
  } catch (thrown) {
    const error = QuipuError.from(thrown);
    if (error.code === "NOT_FOUND") return undefined;
    if (error.code !== "DIGEST_MISMATCH") throw error;
    const path = from.pathOf(digest);
    throw new QuipuError(error.code, `${path} is not what its name says: it was damaged`, {
      next: "remove that file, and bring the blob anew with `quipu artifact put`",
      cause: error,
    });
  }
}
