/**
 * A backup on disk: `backup.json`, which is written last and names every other file with its digest;
 * `store/TABLE.jsonl`; `log/` as any web server may publish it; `keys/`. A folder without `backup.json`
 * is no backup: whatever made it did not finish.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Digest, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { sha256Hasher } from "../../base/hasher.js";
import { type Backup, type BackupFile, parseBackup } from "../../model/backup.js";

const manifestName = "backup.json";

export class NewBackup {
  readonly path: string;
  readonly #files: BackupFile[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /** In a folder that is not there yet, or empty. */
  static async begin(path: string): Promise<NewBackup> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 }); // there will be keys in it
      if ((await readdir(path)).length === 0) return new NewBackup(path);
    } catch (thrown) {
      throw QuipuError.from(thrown);
    }
    throw new QuipuError("ALREADY_EXISTS", `${path} is not empty`, {
      next: "name a folder that is not there yet; a backup never replaces another",
    });
  }

  /** On disk when this resolves. */
  async write(path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
    const target = join(this.path, path);
    try {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      const file = await open(target, "wx", 0o600);
      try {
        const hash = sha256Hasher();
        let sizeBytes = 0;
        for await (const piece of pieces) {
          await file.writeFile(piece);
          hash.update(piece);
          sizeBytes += piece.length;
        }
        await file.sync();
        this.#files.push({ path, sizeBytes, digest: `sha256:${toHex(hash.digest())}` });
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw QuipuError.from(thrown);
    }
  }

  /** Takes a file in that was written below the folder by others. */
  async adopt(path: string): Promise<void> {
    this.#files.push({ path, ...(await factsOf(join(this.path, path))) });
  }

  /** From here on it is a backup. */
  async finish(facts: Omit<Backup, "files">): Promise<Backup> {
    const backup = { ...facts, files: this.#files };
    const text = new TextEncoder().encode(`${JSON.stringify(backup, undefined, 1)}\n`);
    await new NewBackup(this.path).write(manifestName, [text]);
    return backup;
  }
}

/** Reads a backup after every byte of it was compared with what `backup.json` says. */
export async function openBackup(path: string): Promise<Backup> {
  const text = await readFile(join(path, manifestName), "utf8").catch((cause: unknown) => {
    throw new QuipuError("NOT_FOUND", `no backup is in ${path}`, {
      next: `name the folder of a backup that was finished: ${manifestName} is in it`,
      cause,
    });
  });
  const backup = parseBackup(text);
  for (const { path: name, digest, sizeBytes } of backup.files) {
    const found = await factsOf(join(path, name));
    if (found.digest === digest && found.sizeBytes === sizeBytes) continue;
    throw new QuipuError("DIGEST_MISMATCH", `${name} of the backup was changed after it was made`, {
      next: "use another backup",
      details: { path: name, expected: digest, actual: found.digest },
    });
  }
  return backup;
}

/** The lines of a text in a backup. They end with `\n` alone: other ends of lines may be in a row. */
export async function* linesOf(path: string, name: string): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of createReadStream(join(path, name), "utf8")) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function factsOf(path: string): Promise<{ digest: Digest; sizeBytes: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const hash = sha256Hasher();
    let sizeBytes = 0;
    for await (const piece of file.createReadStream({ autoClose: false })) {
      hash.update(piece as Uint8Array);
      sizeBytes += (piece as Uint8Array).length;
    }
    return { digest: `sha256:${toHex(hash.digest())}`, sizeBytes };
  } catch (thrown) {
    throw QuipuError.from(thrown);
  } finally {
    await file?.close();
  }
}
