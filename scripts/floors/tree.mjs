/** The checkout as the floor checks see it: paths and texts, read once. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { filesUnder } from "../stamps.mjs";
import { readSource } from "./source.mjs";

const scriptEnds = /\.(ts|mjs)$/;
const nativeEnds = /\.(cc|cu|h|cuh)$/;
const foreign = /^(bench\/peers|test\/foreign|test\/fixtures)\//;

export function readTree(root) {
  const own = (ends) => (path) => ends.test(path) && !foreign.test(path);
  const scripts = new Map();
  for (const path of filesUnder(root, ["src", "test", "bench", "scripts"], own(scriptEnds))) {
    const text = readFileSync(join(root, path), "utf8");
    scripts.set(path, { text, ...readSource(path, text) });
  }
  const native = new Map();
  for (const path of filesUnder(root, ["native"], own(nativeEnds))) {
    native.set(path, readFileSync(join(root, path), "utf8"));
  }
  return { root, scripts, native, folders: topFolders(root), started: startedFiles(root) };
}

const notOurs = new Set(["node_modules", "dist", "build"]);

function topFolders(root) {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .filter((name) => !notOurs.has(name));
}

/** Sources of the compiled files that package.json, launchers, scripts or units name. */
function startedFiles(root) {
  const named = ["package.json", ...filesUnder(root, ["bin", "scripts", "deploy", ".ci"])];
  const texts = named
    .filter((path) => existsSync(join(root, path)))
    .map((path) => readFileSync(join(root, path), "utf8"));
  const found = texts.flatMap((text) => [...text.matchAll(/dist\/([\w./-]+)\.js\b/g)]);
  return new Set(found.map((match) => `${match[1]}.ts`));
}

/** The source file that a relative specifier in `path` names, or undefined when there is none. */
export function resolve(tree, path, specifier) {
  const joined = posix.join(posix.dirname(path), specifier);
  const candidates = [joined, joined.replace(/\.js$/, ".ts")];
  return candidates.find((candidate) => tree.scripts.has(candidate));
}
