/**
 * `npm run vectors:receipts` writes the golden receipts anew, with new keys that are thrown away:
 * to be done only when the format changes on purpose, since every signature changes.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDisclosure, makeNotices, makeReceiptVectors } from "./receipt-vectors.js";

const folders = {
  receipt: await makeReceiptVectors(),
  disclosure: await makeDisclosure(),
  ...(await makeNotices()),
};
for (const [name, files] of Object.entries(folders)) {
  const folder = join("test/vectors", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file.name), file.content);
}
