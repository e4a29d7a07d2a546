/**
 * Grows a log: from the right edge of a tree and new entries to the files that must be published
 * and the new root. Pure, so that a commit, its recovery after a crash, and an audit of the whole
 * log run the same code.
 */
import { concatBytes } from "../../base/bytes.js";
import { Frontier } from "./frontier.js";
import { leafHash } from "./hash.js";
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

/** `leafHashes` may be given by a caller that has them already. */
export function appendEntries(
  edge: TreeEdge,
  added: readonly Uint8Array[],
  leafHashes: readonly Uint8Array[] = added.map(leafHash),
): Growth {
  const frontier = new Frontier(edge.size, edge.peaks);
  const tiles = edge.tiles.map((hashes) => [...hashes]);
  const touched = new Set<number>();
  const files: LogFile[] = [];
  let entries = [...edge.entries];

  const addHash = (level: number, hash: Uint8Array, size: number): void => {
    const tile = tiles[level] ?? [];
    tiles[level] = tile;
    tile.push(hash);
    touched.add(level);
    if (tile.length < tileWidth) return;
    files.push({ path: tilePath(level, tileIndex(level, size)), content: concatBytes(...tile) });
    tiles[level] = [];
    touched.delete(level);
  };

  for (const [i, entry] of added.entries()) {
    const size = frontier.size + 1;
    const leaf = leafHashes[i] as Uint8Array;
    entries.push(entry);
    if (entries.length === tileWidth) {
      const path = tilePath("entries", tileIndex(0, size));
      files.push({ path, content: encodeEntries(entries) });
      entries = [];
    }
    addHash(0, leaf, size);
    frontier.append(leaf, (level, node) => {
      if (level % tileHeight === 0) addHash(level / tileHeight, node, size);
    });
  }

  const grown = { size: frontier.size, peaks: frontier.peaks, tiles, entries };
  files.push(...unfinishedFiles(grown, touched));
  return { edge: grown, root: frontier.root(), files };
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

/** Index of the tile at `level` that the tree filled up by reaching `size` leaves. */
function tileIndex(level: number, size: number): number {
  return size / tileWidth ** (level + 1) - 1;
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
