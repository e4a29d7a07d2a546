/**
 * Reads a published log at a given size: entries, leaf hashes, proofs. A tile never changes under its
 * path, so the nodes inside the tiles read last are kept, unfinished tiles among them.
 */
import { QuipuError } from "../../base/errors.js";
import type { HashMany } from "./hash.js";
import {
  consistencyProof,
  inclusionProof,
  type NodeAddress,
  type NodeReader,
  subtreesOf,
} from "./prove.js";
import {
  decodeEntries,
  readTile,
  type TileReader,
  type TileRows,
  tileHeight,
  tilePath,
  tileRows,
  tileWidth,
  widthAt,
} from "./tile.js";

/** About 8 MiB with their nodes. */
const tilesKeptMax = 128;

export class LogReader {
  readonly #source: TileReader;
  readonly #hashMany: HashMany | undefined;
  readonly #kept = new Map<string, Promise<TileRows>>();

  constructor(source: TileReader, hashMany?: HashMany) {
    this.#source = source;
    this.#hashMany = hashMany;
  }

  inclusion(index: number, size: number): Promise<Uint8Array[]> {
    return inclusionProof(index, size, this.#nodesAt(size));
  }

  consistency(oldSize: number, newSize: number): Promise<Uint8Array[]> {
    return consistencyProof(oldSize, newSize, this.#nodesAt(newSize));
  }

  /** Roots of the complete subtrees that the first `oldSize` leaves of the tree of `size` are made of. */
  peaks(oldSize: number, size: number): Promise<readonly Uint8Array[]> {
    return this.#nodesAt(size)(subtreesOf([0, oldSize]));
  }

  /** Of entries `first` up to, not including, `end`, as the tree of `size` has them. */
  leafHashes(first: number, end: number, size: number): Promise<Uint8Array[]> {
    return this.#gather(first, end, size, async (index) => {
      const [leaves = []] = await this.#rows(0, index, size);
      return leaves;
    });
  }

  entries(first: number, end: number, size: number): Promise<Uint8Array[]> {
    return this.#gather(first, end, size, async (index) =>
      decodeEntries(await readTile(this.#source, "entries", index, size), widthAt(0, index, size)),
    );
  }

  async #gather(
    first: number,
    end: number,
    size: number,
    read: (tile: number) => Promise<readonly Uint8Array[]>,
  ): Promise<Uint8Array[]> {
    if (!Number.isSafeInteger(first) || first < 0 || first > end || end > size) {
      throw new QuipuError(
        "INVALID_ARGUMENT",
        `the log of size ${size} has no entries ${first} up to ${end}`,
      );
    }
    const gathered: Uint8Array[] = [];
    for (let at = first; at < end; ) {
      const tile = Math.floor(at / tileWidth);
      const start = tile * tileWidth;
      const found = (await read(tile)).slice(at - start, end - start);
      gathered.push(...found);
      at += found.length;
    }
    return gathered;
  }

  #nodesAt(size: number): NodeReader {
    return (nodes) => Promise.all(nodes.map((node) => this.#node(node, size)));
  }

  async #node({ level, index }: NodeAddress, size: number): Promise<Uint8Array> {
    const tileLevel = Math.floor(level / tileHeight);
    const row = level - tileLevel * tileHeight;
    const rowWidth = tileWidth / 2 ** row;
    const tile = Math.floor(index / rowWidth);
    const rows = await this.#rows(tileLevel, tile, size);
    return rows[row]?.[index - tile * rowWidth] as Uint8Array;
  }

  #rows(level: number, index: number, size: number): Promise<TileRows> {
    const path = tilePath(level, index, widthAt(level, index, size));
    const kept = this.#kept.get(path);
    const rows = kept ?? this.#read(level, index, size);
    this.#kept.delete(path); // to the young end: the oldest use goes first
    this.#kept.set(path, rows);
    if (kept !== undefined) return kept;
    const [oldest = path] = this.#kept.keys();
    if (this.#kept.size > tilesKeptMax) this.#kept.delete(oldest);
    rows.catch(() => this.#kept.delete(path)); // a failed read is told to whoever waits, not kept
    return rows;
  }

  async #read(level: number, index: number, size: number): Promise<TileRows> {
    return tileRows(await readTile(this.#source, level, index, size), this.#hashMany);
  }
}
