/**
 * `node scripts/floors.mjs`: is the house built as scripts/floors.json says? One line per finding,
 * exit code 1 when there is any. The same check runs as a test (test/house.test.ts).
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkFiles } from "./floors/files.mjs";
import { checkNative } from "./floors/native.mjs";
import { checkRooms } from "./floors/rooms.mjs";
import { readTree } from "./floors/tree.mjs";

/** All findings in the checkout at `root`, as `path:line: sentence`. */
export function checkHouse(root) {
  const table = JSON.parse(readFileSync(join(root, "scripts/floors.json"), "utf8"));
  const tree = readTree(root);
  return [...checkRooms(tree, table), ...checkFiles(tree, table), ...checkNative(tree, table)].map(
    ({ path, line, text }) => `${path}:${line}: ${text}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const findings = checkHouse(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const finding of findings) console.log(finding);
  console.log(findings.length === 0 ? "floors: ok" : `floors: ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
