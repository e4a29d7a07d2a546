/**
 * Grows a log: from the right edge of a tree and new entries to the files that must be published
 * and the new root. Pure, so that a commit, its recovery after a crash, and an audit of the whole
 * log run the same code.
 */
import { concatBytes } from "../../base/bytes.js";
import {
  type HashMany,
  hashBytes,
  hashOneByOne,
  joinPeaks,
  leafHashes,
  parentHashes,
} from "./hash.js";
import { subtreesOf } from "./prove.js";
import {
  decodeEntries,
  encodeEntries,
  readTile,
  splitHashes,
  type TileReader,
  tileHeight,
  tilePath,
  tileRows,
  tileWidth,
  widthAt,
} from "./tile.js";

const tileBytes = tileWidth * hashBytes;

/** What a writer must know of a tree of `size` leaves to append to it. */
export interface TreeEdge {
  readonly size: number;
  /** Roots of the complete subtrees, largest first. */
  readonly peaks: readonly Uint8Array[];
  /** At each tile level from 0 up, the hashes of its unfinished tile; fewer than 256. */
  readonly tiles: readonly (readonly Uint8Array[])[];
  /** Entries of the unfinished bundle; as many as `tiles[0]` has hashes. */
  readonly entries: readonly Uint8Array[];
}

export const emptyEdge: TreeEdge = Object.freeze({ size: 0, peaks: [], tiles: [], entries: [] });

/** A file of the published log, by its path below the log's address. */
export interface LogFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface Growth {
  readonly edge: TreeEdge;
  readonly root: Uint8Array;
  /** Every tile and bundle that the new size needs and the old one did not have. */
  readonly files: readonly LogFile[];
}

/** Level by level, so that all nodes of one level are hashed at once. */
export function appendEntries(
  edge: TreeEdge,
  added: readonly Uint8Array[],
  hashMany: HashMany = hashOneByOne,
): Growth {
  return appendLeaves(edge, added, leafHashes(added, hashMany), hashMany);
}

/** The same where the leaf hashes are known: 32 bytes each, one after another. */
export function appendLeaves(
  edge: TreeEdge,
  added: readonly Uint8Array[],
  leaves: Uint8Array,
  hashMany: HashMany = hashOneByOne,
): Growth {
  const size = edge.size + added.length;
  const files: LogFile[] = [];
  const entries = bundleUp(edge, added, files);
  const tiles = [...edge.tiles];
  const touched = new Set<number>();
  const oldPeaks = edge.peaks.toReversed();
  const peaks: Uint8Array[] = [];
  let row = leaves; // new nodes of this level
  for (let level = 0; size >= 2 ** level; level += 1) {
    const before = Math.floor(edge.size / 2 ** level);
    const now = Math.floor(size / 2 ** level);
    const left = before % 2 === 1 ? (oldPeaks.shift() as Uint8Array) : undefined;
    if (level % tileHeight === 0 && row.length > 0) {
      const tile = level / tileHeight;
      tiles[tile] = tileUp(tile, before, tiles[tile] ?? [], row, files);
      touched.add(tile);
    }
    const nodes = left === undefined ? row : concatBytes(left, row);
    if (now % 2 === 1) peaks.unshift(nodes.slice(-hashBytes));
    row = parentHashes(nodes, hashMany);
  }
  const grown = { size, peaks, tiles, entries };
  files.push(...unfinishedFiles(grown, touched));
  return { edge: grown, root: joinPeaks(peaks), files };
}

/** Writes the bundles that `added` finishes; returns the entries of the unfinished one. */
function bundleUp(
  edge: TreeEdge,
  added: readonly Uint8Array[],
  files: LogFile[],
): readonly Uint8Array[] {
  const entries = [...edge.entries, ...added];
  let index = Math.floor(edge.size / tileWidth);
  let at = 0;
  for (; at + tileWidth <= entries.length; at += tileWidth) {
    const content = encodeEntries(entries.slice(at, at + tileWidth));
    files.push({ path: tilePath("entries", index), content });
    index += 1;
  }
  return entries.slice(at);
}

/** Writes the tiles that `row` finishes; returns the hashes of the unfinished one. `first`: of the row. */
function tileUp(
  level: number,
  first: number,
  pending: readonly Uint8Array[],
  row: Uint8Array,
  files: LogFile[],
): readonly Uint8Array[] {
  const hashes = concatBytes(...pending, row);
  let index = Math.floor(first / tileWidth);
  let at = 0;
  for (; at + tileBytes <= hashes.length; at += tileBytes) {
    files.push({ path: tilePath(level, index), content: hashes.slice(at, at + tileBytes) });
    index += 1;
  }
  return splitHashes(hashes.subarray(at));
}

/** The partial tiles (of the given levels; all without them) and the partial bundle of an edge. */
export function unfinishedFiles(edge: TreeEdge, levels?: ReadonlySet<number>): LogFile[] {
  const files: LogFile[] = [];
  edge.tiles.forEach((hashes, level) => {
    if (hashes.length === 0 || levels?.has(level) === false) return;
    const index = Math.floor(edge.size / tileWidth ** (level + 1));
    files.push({ path: tilePath(level, index, hashes.length), content: concatBytes(...hashes) });
    if (level > 0) return;
    const path = tilePath("entries", index, hashes.length);
    files.push({ path, content: encodeEntries(edge.entries) });
  });
  return files;
}

/** The edge of a published tree of `size` leaves. */
export async function readEdge(read: TileReader, size: number): Promise<TreeEdge> {
  const tiles: Uint8Array[][] = [];
  const peaks: Uint8Array[] = [];
  for (let level = 0; size >= tileWidth ** level; level += 1) {
    const index = Math.floor(size / tileWidth ** (level + 1));
    const width = widthAt(level, index, size);
    const tile = width === 0 ? new Uint8Array(0) : await readTile(read, level, index, size);
    tiles.push(splitHashes(tile));
    peaks.unshift(...peaksOf(tile));
  }
  const pending = tiles[0]?.length ?? 0;
  if (pending === 0) return { size, peaks, tiles, entries: [] };
  const bundle = await readTile(read, "entries", Math.floor(size / tileWidth), size);
  return { size, peaks, tiles, entries: decodeEntries(bundle, pending) };
}

function peaksOf(tile: Uint8Array): Uint8Array[] {
  const rows = tileRows(tile);
  const width = rows[0]?.length ?? 0;
  return subtreesOf([0, width]).map(({ level, index }) => rows[level]?.[index] as Uint8Array);
}
