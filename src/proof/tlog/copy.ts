/**
 * Copies a published log as of one checkpoint. The tree is built anew from the entries on the way, by
 * the code that wrote it, so what is written follows from them and has the root that was signed.
 */
import { equalBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { appendEntries, emptyEdge, type LogFile, unfinishedFiles } from "./append.js";
import type { Checkpoint } from "./checkpoint.js";
import { decodeEntries, readTile, type TileReader, widthAt } from "./tile.js";

/** Rejects with LOG_CORRUPT when the entries have another root; what was written then is void. */
export async function copyLog(
  read: TileReader,
  { size, root }: Checkpoint,
  write: (file: LogFile) => Promise<void>,
): Promise<void> {
  let growth = appendEntries(emptyEdge, []);
  for (let index = 0; growth.edge.size < size; index += 1) {
    const bundle = await readTile(read, "entries", index, size);
    growth = appendEntries(growth.edge, decodeEntries(bundle, widthAt(0, index, size)));
    for (const file of growth.files) if (!file.path.includes(".p/")) await write(file);
  }
  for (const file of unfinishedFiles(growth.edge)) await write(file);
  if (!equalBytes(growth.root, root)) {
    throw new QuipuError("LOG_CORRUPT", `the log's ${size} entries have not the root it signed`, {
      next: "use another copy of the log; nobody can prove anything with this one",
    });
  }
}
