/**
 * `npm run verify`: every check, one after the other; all are run even when an early one fails.
 * `--quick` leaves the tests out.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, SetupError, setup } from "./setup.mjs";
import { filesUnder } from "./stamps.mjs";

const node = (...args) => [process.execPath, ...args];
const bin = (name, ...args) => [join(root, "node_modules/.bin", name), ...args];
const isNative = (path) => /\.(cc|cu|h|cuh)$/.test(path);

const checks = [
  ["format and lint", bin("biome", "check", "--error-on-warnings")],
  [
    "native format",
    ["clang-format", "--dry-run", "-Werror", ...filesUnder(root, ["native"], isNative)],
  ],
  ["floors", node("scripts/floors.mjs")],
  ["lock file", node("scripts/lockfile.mjs")],
  ["dead code", bin("knip")],
  ["proto", node("scripts/proto.mjs", "check")],
  ["docs", node("scripts/docs.mjs")],
  ["schemas", node("scripts/schemas.mjs", "--check")],
  ["tests", node("scripts/test.mjs")],
];

/** True, false, or a reason why the check could not be made here. */
function outcomeOf([command, ...args]) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error?.code === "ENOENT") return `${command} is not installed`;
  return status === 0;
}

const results = [];
try {
  await setup(); // compiles: types are the first check
  results.push(["types", true]);
  for (const [name, command] of checks) {
    if (name === "tests" && process.argv.includes("--quick")) continue;
    console.log(`--- ${name}`);
    results.push([name, outcomeOf(command)]);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.log(error.message);
  results.push(["types", false]);
}
if (!existsSync(join(root, "build/quipu.node"))) results.push(["addon", "not built here"]);

console.log("---");
for (const [name, outcome] of results) {
  const word = outcome === true ? "ok" : outcome === false ? "FAILED" : `skipped: ${outcome}`;
  console.log(`${name.padEnd(16)} ${word}`);
}
process.exitCode = results.some(([, outcome]) => outcome === false) ? 1 : 0;
