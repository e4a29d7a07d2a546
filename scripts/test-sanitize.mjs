/**
 * `npm run test:sanitize`: the native code under AddressSanitizer, LeakSanitizer and
 * UndefinedBehaviorSanitizer: its unit tests by themselves, then every test of TypeScript that drives the
 * addon, with the sanitized addon in its place. The last line is `N passed, N failed`.
 *
 * Leaks are looked for in the unit tests only: Node leaves much to the end of its process.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, SetupError, setup } from "./setup.mjs";

const driven = [
  "hash",
  "hash-tasks",
  "hash-trees",
  "hash-files",
  "cli-hash",
  "cli-check",
  "cli-data",
  "native",
  "tensor",
  "compile",
  "session",
  "passes",
  "vectors",
  "trees",
  "trees-models",
  "fuzz",
  "onnx",
  "engine",
];

function run(command, args, env = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (error !== undefined) console.log(`${command}: ${error.message}`);
  return status === 0 && signal === null;
}

/** Node itself is not sanitized, so the runtime must be there before it. */
function runtimes() {
  return ["libasan.so", "libubsan.so"].map((name) => {
    const { stdout } = spawnSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" });
    const path = stdout.trim();
    if (!existsSync(path)) throw new SetupError(`no ${name}: install g++ with its sanitizers`);
    return path;
  });
}

async function main() {
  await setup();
  if (!run(process.execPath, ["scripts/build-native.mjs", "--sanitize", "--tests"])) {
    throw new SetupError("the sanitized build failed; see above");
  }
  const strict = { UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1" };
  const results = [];
  const unit = join(root, "build/sanitize/native-test");
  results.push(["native unit tests", run(unit, [], { ...strict, ASAN_OPTIONS: "detect_leaks=1" })]);
  const preloaded = {
    ...strict,
    LD_PRELOAD: runtimes().join(":"),
    ASAN_OPTIONS: "detect_leaks=0:handle_segv=0:allocator_may_return_null=1:quarantine_size_mb=16",
    QUIPU_ADDON: join(root, "build/sanitize/quipu.node"),
  };
  for (const name of driven) {
    console.log(`--- ${name}`);
    const file = join("dist/test", `${name}.test.js`);
    results.push([name, run(process.execPath, ["--enable-source-maps", file], preloaded)]);
  }
  console.log("---");
  for (const [name, ok] of results) console.log(`${ok ? "ok    " : "FAILED"} ${name}`);
  return results.map(([, ok]) => ok);
}

let outcomes = [false];
try {
  outcomes = await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.log(error.message);
}
const failed = outcomes.filter((ok) => !ok).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
