/** Price books as files: each `*.json` of a folder is one. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../base/errors.js";
import { type PriceBook, priceBook } from "../model/price-book.js";

/** Empty: nothing has a price. Throws what is wrong with a book, by file and field. */
export async function readPriceBooks(folder: string): Promise<readonly PriceBook[]> {
  if (folder === "") return [];
  const books: PriceBook[] = [];
  for (const name of await jsonFiles(folder)) books.push(await readBook(join(folder, name)));
  if (books.length > 0) return books;
  throw new QuipuError("NOT_FOUND", `no price book is in ${folder}`, {
    next: "put .json files there, or leave --prices out: then nothing has a price",
  });
}

async function jsonFiles(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  } catch (cause) {
    throw new QuipuError("NOT_FOUND", `the price folder ${folder} cannot be read`, {
      next: "give a folder of price books with --prices",
      cause,
    });
  }
}

async function readBook(path: string): Promise<PriceBook> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new QuipuError("DATA_INVALID", `${path} is not JSON`, { cause });
  }
  const read = priceBook.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new QuipuError(
    "DATA_INVALID",
    `${path}: ${issue?.path.join(".") || "the book"}: ${issue?.message}`,
    { next: "mend the price book; docs/coordinator.md says how one is written" },
  );
}
