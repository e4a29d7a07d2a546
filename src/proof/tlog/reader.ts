/** Reads a published log at a given size: entries, leaf hashes, proofs. Finished tiles are kept. */
import { QuipuError } from "../../base/errors.js";
import { consistencyProof, inclusionProof } from "./prove.js";
import {
  decodeEntries,
  readTile,
  splitHashes,
  type TileReader,
  tileNodeReader,
  tileWidth,
  widthAt,
} from "./tile.js";

/** 2 MiB of tiles, or the edge of a log of 10^7 entries many times over. */
const tilesKeptMax = 256;

export class LogReader {
  readonly #source: TileReader;
  readonly #kept = new Map<string, Uint8Array>();

  constructor(source: TileReader) {
    this.#source = source;
  }

  inclusion(index: number, size: number): Promise<Uint8Array[]> {
    return inclusionProof(index, size, tileNodeReader(this.#read, size));
  }

  consistency(oldSize: number, newSize: number): Promise<Uint8Array[]> {
    return consistencyProof(oldSize, newSize, tileNodeReader(this.#read, newSize));
  }

  /** Of entries `first` up to, not including, `end`, as the tree of `size` has them. */
  async leafHashes(first: number, end: number, size: number): Promise<Uint8Array[]> {
    return this.#gather(first, end, size, async (index) =>
      splitHashes(await readTile(this.#read, 0, index, size)),
    );
  }

  async entries(first: number, end: number, size: number): Promise<Uint8Array[]> {
    return this.#gather(first, end, size, async (index) =>
      decodeEntries(await readTile(this.#source, "entries", index, size), widthAt(0, index, size)),
    );
  }

  async #gather(
    first: number,
    end: number,
    size: number,
    read: (tile: number) => Promise<Uint8Array[]>,
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

  readonly #read: TileReader = async (path) => {
    const kept = this.#kept.get(path);
    if (kept !== undefined) {
      this.#kept.delete(path); // to the young end: the oldest use goes first
      this.#kept.set(path, kept);
      return kept;
    }
    const content = await this.#source(path);
    if (content === undefined || path.includes(".p/")) return content;
    this.#kept.set(path, content);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > tilesKeptMax && oldest !== undefined) this.#kept.delete(oldest);
    return content;
  };
}
