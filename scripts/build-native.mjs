/**
 * Builds build/quipu.node with cmake-js and says in one line what it built. Needs no network, and of
 * the system only a C++ compiler: Node's headers, cmake and ninja come from npm packages.
 * `--no-cuda` leaves the CUDA kernels out; `--sanitize` builds with ASan and UBSan into
 * build/sanitize; `--tests` builds the native unit tests, native-test, beside the addon; `--bench` the
 * speed of the tensor kernels beside their peers, native-bench; `--device-bench` that on a CUDA device.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const flags = new Set(process.argv.slice(2));

function fail(message) {
  console.error(`build-native: ${message}`);
  process.exit(1);
}

function run(command, args) {
  return spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

/** The whole path of a program on PATH. */
function onPath(program) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function fromPackage(name, program) {
  try {
    const path = require(name)(program);
    chmodSync(path, 0o755);
    return path;
  } catch {
    return undefined; // not installed for this platform: the caller says what is missing
  }
}

/** From npm, so that every machine builds with the same one; else whatever PATH has. */
function findProgram(name) {
  const found = fromPackage(`${name}-runtime`, name) ?? onPath(name);
  return found ?? fail(`no ${name}: run npm ci, or install ${name}`);
}

function step(command, args, what) {
  const result = run(command, args);
  if (result.error !== undefined) fail(`${what}: ${result.error.message}`);
  if (result.status !== 0) {
    console.error(result.stdout);
    console.error(result.stderr);
    fail(`${what} failed; its output is above`);
  }
  return result.stdout;
}

if (
  run(process.env.CXX ?? "g++", ["--version"]).status !== 0 &&
  run("c++", ["--version"]).status !== 0
) {
  fail("no C++ compiler: install g++ (Debian: apt-get install g++)");
}

/** CMake refuses a build tree that was made elsewhere: the checkout has been moved or copied. */
function dropMovedTree(folder) {
  const cache = join(folder, "CMakeCache.txt");
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:\w+=(.+)$/m.exec(readFileSync(cache, "utf8"))?.[1];
  if (home !== undefined && resolve(home) !== resolve(root)) rmSync(folder, { recursive: true });
}

const startMs = Date.now();
const sanitize = flags.has("--sanitize");
const tree = join(root, "build", sanitize ? "sanitize-cmake" : "cmake");
dropMovedTree(tree);
const onOff = (value) => (value ? "ON" : "OFF");
const cmakeJs = [
  join(dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js"),
  ...["--directory", root, "--out", tree, "--config", "Release"],
  ...["--cmake-path", findProgram("cmake"), "--generator", "Ninja"],
  `--CDCMAKE_MAKE_PROGRAM=${findProgram("ninja")}`,
  `--CDQUIPU_CUDA=${onOff(!flags.has("--no-cuda") && process.env.QUIPU_CUDA !== "OFF")}`,
  `--CDQUIPU_SANITIZE=${onOff(sanitize)}`,
];
const configured = step(process.execPath, [...cmakeJs, "configure"], "cmake configure");
step(process.execPath, [...cmakeJs, "build", "--target", "quipu_addon"], "native build");
const into = join(root, "build", sanitize ? "sanitize" : ".");
put("quipu.node", "quipu.node");
const programs = {
  "--tests": "native-test",
  "--bench": "native-bench",
  "--device-bench": "device-bench",
};
for (const [flag, name] of Object.entries(programs)) {
  if (!flags.has(flag)) continue;
  const target = `quipu_${name.replace("-", "_")}`;
  step(process.execPath, [...cmakeJs, "build", "--target", target], name);
  put(target, name);
}

/** Renamed into place, so that a process that has the old file mapped keeps it whole. */
function put(built, name) {
  mkdirSync(into, { recursive: true });
  const target = join(into, name);
  copyFileSync(join(tree, "out", built), `${target}.new`);
  renameSync(`${target}.new`, target);
}

const cuda = /quipu: x86 kernels \w+, CUDA ON/.test(configured);
const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
console.log(
  `built ${relative(root, into)}/quipu.node in ${seconds} s: ${cuda ? "CPU and CUDA (sm_80, sm_90, PTX 9.0)" : "CPU only"}`,
);
