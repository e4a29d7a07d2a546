/**
 * Remembers which inputs a step has already been done for, so that a second set-up does nothing.
 *
 * A stamp is a small file beside the outputs that it vouches for: who deletes the outputs deletes the
 * stamp with them. It is written after the step has succeeded, so a step that was cut short runs again.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Paths of all files under `paths` (files or folders) whose name `accept` takes, sorted. */
export function filesUnder(root, paths, accept = () => true) {
  const found = [];
  const visit = (path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (!stat.isDirectory()) {
      if (accept(path)) found.push(path);
      return;
    }
    for (const name of readdirSync(join(root, path))) {
      if (name !== "node_modules") visit(`${path}/${name}`);
    }
  };
  for (const path of paths) visit(path);
  return found.sort();
}

/** A digest over the contents of files, and over anything else that the step depends on. */
export function digestOf(root, files, ...facts) {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(`${fact}\n`);
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

export function readStamp(path) {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // no stamp: the step has not been done
  }
}

export function writeStamp(path, digest) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${digest}\n`);
}
