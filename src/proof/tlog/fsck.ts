/**
 * Checks a whole published log as a stranger can: reads every entry, builds the tree anew with the
 * code that wrote it, and compares every tile and the signed root.
 */
import { equalBytes, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import {
  appendEntries,
  emptyEdge,
  type LogFile,
  type TreeEdge,
  unfinishedFiles,
} from "./append.js";
import { openCheckpoint } from "./checkpoint.js";
import { decodeEntries, readTile, type TileReader, tileWidth, widthAt } from "./tile.js";
import type { VerifierKey } from "./verifier-key.js";

export interface FsckReport {
  readonly origin: string;
  readonly size: number;
  /** Hexadecimal root of the entries that were read; equals the signed one when `ok`. */
  readonly rootHash: string;
  readonly filesChecked: number;
  /** One sentence for each thing that is wrong; at most `problemsMax`. */
  readonly problems: readonly string[];
  readonly ok: boolean;
}

export const problemsMax = 100;

/** Rejects with VERIFICATION_FAILED when not even the checkpoint can be believed. */
export async function fsckLog(read: TileReader, keys: readonly VerifierKey[]): Promise<FsckReport> {
  const note = await read("checkpoint");
  if (note === undefined) throw new QuipuError("NOT_FOUND", "the log has no checkpoint");
  const { origin, size, root } = openCheckpoint(new TextDecoder().decode(note), keys);
  const problems: string[] = [];
  const report = (text: string): void => {
    if (problems.length < problemsMax) problems.push(text);
  };
  const { edge, root: found, filesChecked } = await rebuild(read, size, report);
  if (edge.size === size && !equalBytes(found, root)) {
    report(`the entries have root ${toHex(found)}, the checkpoint says ${toHex(root)}`);
  }
  const ok = problems.length === 0;
  return { origin, size, rootHash: toHex(found), filesChecked, problems, ok };
}

async function rebuild(
  read: TileReader,
  size: number,
  report: (problem: string) => void,
): Promise<{ edge: TreeEdge; root: Uint8Array; filesChecked: number }> {
  let growth = appendEntries(emptyEdge, []);
  let filesChecked = 1; // the checkpoint
  for (let index = 0; growth.edge.size < size; index += 1) {
    const width = widthAt(0, index, size);
    try {
      const bundle = await readTile(read, "entries", index, size);
      growth = appendEntries(growth.edge, decodeEntries(bundle, width));
    } catch (thrown) {
      // Nothing after a hole can be hashed; what came before it has been checked.
      report(`entries from ${index * tileWidth}: ${QuipuError.from(thrown).message}`);
      break;
    }
    filesChecked += 1 + (await compare(read, growth.files.filter(isFullTile), report));
  }
  if (growth.edge.size === size) {
    filesChecked += await compare(read, unfinishedFiles(growth.edge), report);
  }
  return { edge: growth.edge, root: growth.root, filesChecked };
}

/** Partial tiles of sizes that never had a checkpoint need not be there, so only full ones. */
function isFullTile({ path }: LogFile): boolean {
  return !path.includes(".p/") && !path.startsWith("tile/entries/");
}

async function compare(
  read: TileReader,
  files: readonly LogFile[],
  report: (problem: string) => void,
): Promise<number> {
  for (const { path, content } of files) {
    const found = await readAsOf(read, path, content.length);
    if (found === undefined) report(`${path} is missing`);
    else if (!equalBytes(found, content)) report(`${path} does not follow from the entries`);
  }
  return files.length;
}

/** A partial file, or what the finished one that replaced it on a growing log begins with. */
async function readAsOf(
  read: TileReader,
  path: string,
  length: number,
): Promise<Uint8Array | undefined> {
  const found = await read(path);
  const [finished = path] = path.split(".p/");
  return found ?? (finished === path ? undefined : (await read(finished))?.subarray(0, length));
}
