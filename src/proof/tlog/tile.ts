/**
 * Tiles of C2SP tlog-tiles: 256 hashes of one tree level, and bundles of 256 entries, each under a
 * path that a plain file server can serve. Frozen: paths and bytes are what other tools fetch.
 */
import { QuipuError } from "../../base/errors.js";
import { type HashMany, hashBytes, hashOneByOne, parentHashes } from "./hash.js";

export const tileWidth = 256;
/** Tree levels that one tile spans. */
export const tileHeight = 8;
/** An entry's length is a uint16 in its bundle. */
export const entryBytesMax = 65_535;

/** Path of the tile at `level` (or of the entry bundle) whose first `width` of 256 are there. */
export function tilePath(level: number | "entries", index: number, width = tileWidth): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const parts = digits.match(/.{3}/g) as string[];
  const name = parts.map((part, i) => (i < parts.length - 1 ? `x${part}` : part)).join("/");
  return `tile/${level}/${name}${width === tileWidth ? "" : `.p/${width}`}`;
}

const pathPattern =
  /^tile\/(?:entries|[0-9]|[1-5][0-9]|6[0-3])(?:\/x[0-9]{3})*\/[0-9]{3}(?:\.p\/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$/;

export function isTilePath(path: string): boolean {
  return path.length <= 64 && pathPattern.test(path);
}

/** How many of tile `index`'s 256 places a tree of `size` leaves fills at `level`. */
export function widthAt(level: number, index: number, size: number): number {
  const nodes = Math.floor(size / tileWidth ** level);
  return Math.max(0, Math.min(tileWidth, nodes - index * tileWidth));
}

export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((sum, { length }) => sum + 2 + length, 0));
  let at = 0;
  for (const entry of entries) {
    if (entry.length > entryBytesMax) throw tooLong(entry);
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 0xff;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

function tooLong({ length }: Uint8Array): QuipuError {
  const text = `a log entry of ${length} bytes is longer than ${entryBytesMax}`;
  return new QuipuError("LIMIT_EXCEEDED", text);
}

/** Exactly `width` entries and not a byte more; else LOG_CORRUPT. */
export function decodeEntries(bundle: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width) {
    const length = at + 2 <= bundle.length ? ((bundle[at] ?? 0) << 8) | (bundle[at + 1] ?? 0) : -1;
    const end = at + 2 + length;
    if (length < 0 || end > bundle.length) throw corruptBundle(bundle, width);
    entries.push(bundle.slice(at + 2, end));
    at = end;
  }
  if (at !== bundle.length) throw corruptBundle(bundle, width);
  return entries;
}

function corruptBundle(bundle: Uint8Array, width: number): QuipuError {
  return new QuipuError(
    "LOG_CORRUPT",
    `an entry bundle of ${bundle.length} bytes does not hold exactly ${width} entries`,
  );
}

export function splitHashes(tile: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < tile.length; at += hashBytes) hashes.push(tile.slice(at, at + hashBytes));
  return hashes;
}

/** Bytes of a published file, `undefined` when it is not there. */
export type TileReader = (path: string) => Promise<Uint8Array | undefined>;

/** The hashes (or entry bundle bytes) of one tile as a tree of `size` leaves has it. */
export async function readTile(
  read: TileReader,
  level: number | "entries",
  index: number,
  size: number,
): Promise<Uint8Array> {
  const width = widthAt(level === "entries" ? 0 : level, index, size);
  const path = tilePath(level, index, width);
  const exact = await read(path);
  if (exact !== undefined) return level === "entries" ? exact : checkTile(exact, width, path);
  // A log may drop a partial tile once the full one is there; its prefix is the partial one.
  const full = width === tileWidth ? undefined : await read(tilePath(level, index));
  if (full === undefined) throw new QuipuError("LOG_CORRUPT", `the log has no file ${path}`);
  if (level === "entries") return encodeEntries(decodeEntries(full, tileWidth).slice(0, width));
  return checkTile(full, tileWidth, path).subarray(0, width * hashBytes);
}

function checkTile(tile: Uint8Array, width: number, path: string): Uint8Array {
  if (tile.length === width * hashBytes) return tile;
  throw new QuipuError(
    "LOG_CORRUPT",
    `${path} has ${tile.length} bytes where ${width * hashBytes} are due`,
  );
}

/** Every complete node inside a tile: row 0 its hashes, row r the roots over 2^r of them. */
export type TileRows = readonly (readonly Uint8Array[])[];

export function tileRows(tile: Uint8Array, hashMany: HashMany = hashOneByOne): TileRows {
  const rows: Uint8Array[][] = [];
  for (let row = tile; row.length > 0; row = parentHashes(row, hashMany)) {
    rows.push(splitHashes(row));
  }
  return rows;
}
