/**
 * Everything that a fresh checkout needs before it can run: dependencies, compiled code, the addon.
 *
 * Runs before node_modules exists, so it imports nothing but Node. It speaks on stderr only: stdout
 * belongs to the command that follows. Each step keeps a stamp of its inputs; when all are fresh this
 * costs a few tens of milliseconds. The only downloads are `npm ci` and, as root, `apt-get` for g++.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeLock } from "./lock.mjs";
import { digestOf, filesUnder, readStamp, writeStamp } from "./stamps.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeVersionMin = [20, 19];
const lockWaitMsMax = 20 * 60_000;
const launchers = ["quipu", "quipud", "quipu-coordinator"];

/** What went wrong in words that a newcomer can act on; printed without a stack. */
export class SetupError extends Error {}

/**
 * Brings the checkout up to date; `tests` also compiles the native unit tests. Safe to call from several
 * processes at once.
 */
export async function setup({ tests = false } = {}) {
  const startedMs = Date.now();
  checkNode();
  const steps = tests ? [...usual, nativeTests, database, sigstore] : usual;
  if (!steps.some((step) => step.isNeeded())) return;
  const release = await takeLock(join(root, ".stamp/lock"), lockWaitMsMax, (holder) => {
    say(`waiting for another set-up (process ${holder.split(" ")[0]})`);
  });
  try {
    for (const step of steps) {
      if (!step.isNeeded()) continue; // also: done by whoever held the lock before
      const stepStartedMs = Date.now();
      say(`${step.name}: ${step.what}`);
      if (step.run() !== false) say(`${step.name}: done in ${seconds(stepStartedMs)}`);
    }
  } finally {
    release();
  }
  say(`ready in ${seconds(startedMs)}`);
}

const say = (text) => process.stderr.write(`setup: ${text}\n`);
const seconds = (sinceMs) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [majorMin, minorMin] = nodeVersionMin;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new SetupError(
    `Node.js ${process.versions.node} is too old: ${nodeVersionMin.join(".")} or newer is needed`,
  );
}

// Dependencies: `npm ci` once per lock file. A tree that npm itself says equals the lock file is taken
// as it is: a rerun would first delete it under the feet of whoever uses it now.
const dependencies = {
  name: "dependencies",
  what: "npm ci (about a minute; later runs skip it)",
  stamp: join(root, "node_modules/.stamp"),
  digest: () => digestOf(root, ["package-lock.json"]),
  isNeeded() {
    if (readStamp(this.stamp) === this.digest()) return !launchersLinked();
    return true;
  },
  run() {
    if (readStamp(this.stamp) !== this.digest() && !installedAsLocked()) {
      if (!npmCi()) {
        throw new SetupError(
          "npm ci failed; see above. Is the package registry reachable from here?",
        );
      }
    }
    linkLaunchers();
    writeStamp(this.stamp, this.digest());
  },
};

function installedAsLocked() {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8"));
  } catch {
    return false; // nothing installed, or only half
  }
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === "" || (entry.optional && !(path in installed.packages))) return true;
    return installed.packages[path]?.version === entry.version && existsSync(join(root, path));
  });
}

/** `npx quipu` in the checkout: npm links the commands of dependencies, never our own. */
function linkLaunchers() {
  for (const name of launchers) {
    const link = join(root, "node_modules/.bin", name);
    rmSync(link, { force: true });
    symlinkSync(`../../bin/${name}`, link);
  }
}

const launchersLinked = () =>
  launchers.every((name) => existsSync(join(root, "node_modules/.bin", name)));

// Generated protobuf code is committed; it is made again only when the definitions change here.
const generated = {
  name: "generated code",
  what: "protobuf definitions have changed",
  stamp: join(root, ".stamp/proto"),
  digest: () =>
    digestOf(
      root,
      filesUnder(root, ["proto"], (path) => path.endsWith(".proto")),
    ),
  isNeeded() {
    const stamp = readStamp(this.stamp);
    if (stamp === "" && existsSync(join(root, "src/gen"))) writeStamp(this.stamp, this.digest());
    const generator = existsSync(join(root, "scripts/proto.mjs"));
    return generator && stamp !== "" && stamp !== this.digest();
  },
  run() {
    if (!runs(process.execPath, "scripts/proto.mjs", "generate")) {
      throw new SetupError("generating code from proto/ failed; see above");
    }
    writeStamp(this.stamp, this.digest());
  },
};

const compiled = {
  name: "compile",
  what: "tsc -p .",
  stamp: join(root, "dist/.stamp"),
  // The same set as in tsconfig.json.
  sources: () => filesUnder(root, ["src", "test", "bench"], isSource),
  digest() {
    return digestOf(root, [...this.sources(), "tsconfig.json", "package-lock.json"]);
  },
  isNeeded() {
    return readStamp(this.stamp) !== this.digest();
  },
  run() {
    const digest = this.digest();
    const expected = new Set(this.sources().map((path) => path.replace(/\.ts$/, ".js")));
    const emitted = filesUnder(join(root, "dist"), ["src", "test", "bench"], isScript);
    for (const path of emitted) {
      // A test whose source is gone would still be found and run.
      if (!expected.delete(path)) rmSync(join(root, "dist", path));
    }
    // An incremental compile trusts that earlier outputs are still there.
    if (expected.size > 0) rmSync(join(root, "dist/.tsbuildinfo"), { force: true });
    if (!runs(process.execPath, "node_modules/typescript/bin/tsc", "-p", ".")) {
      throw new SetupError("the TypeScript sources do not compile; see above");
    }
    writeStamp(this.stamp, digest);
  },
};

const isSource = (path) => path.endsWith(".ts") && !/^(bench\/peers|test\/foreign)\//.test(path);
const isScript = (path) => path.endsWith(".js");

const addon = {
  name: "addon",
  what: "compile native/ (about a minute; later runs skip it)",
  stamp: join(root, "build/.stamp"),
  digest: () =>
    digestOf(
      root,
      [...filesUnder(root, ["native", "CMakeLists.txt"]), "scripts/build-native.mjs"],
      `cuda ${compilesCuda()}`,
    ),
  isNeeded() {
    return readStamp(this.stamp) !== this.digest() || !existsSync(join(root, "build/quipu.node"));
  },
  run() {
    if (compiler() === undefined && !installCompiler()) return false;
    const digest = this.digest();
    if (!runs(process.execPath, "scripts/build-native.mjs")) {
      throw new SetupError("the native addon does not compile; see above");
    }
    writeStamp(this.stamp, digest);
    return true;
  },
};

/** Whether a build here has the CUDA kernels. */
export const compilesCuda = () =>
  process.env.QUIPU_CUDA !== "OFF" && findOnPath("nvcc") !== undefined;

const compiler = () => findOnPath("g++") ?? findOnPath("c++") ?? process.env.CXX;

/** True when there is a compiler afterwards. Without one Quipu works, but nothing native runs. */
function installCompiler() {
  const install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends g++";
  if (installs("addon", install) && compiler() !== undefined) return true;
  say(
    "addon: WARNING: no C++ compiler, so the native addon is not built and native jobs are refused.",
  );
  say(`addon: to build it: sudo sh -c '${install}' && npm run setup`);
  return false;
}

/** As root, and once: what failed before would only fail again. */
function installs(name, install) {
  const triedBefore = join(root, `.stamp/${name}-install-tried`);
  const isAdministrator = process.getuid?.() === 0 && findOnPath("apt-get") !== undefined;
  if (!isAdministrator || existsSync(triedBefore)) return false;
  say(`${name}: missing here; as root: ${install}`);
  writeStamp(triedBefore, install);
  process.env.DEBIAN_FRONTEND = "noninteractive";
  if (runs("sh", "-c", install)) return true;
  say(`${name}: could not be installed; see above`);
  return false;
}

function findOnPath(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/** What the lock file of the checkout, or of the package in this folder of it, names. */
function npmCi(...folder) {
  const npm = process.env.npm_execpath;
  const command = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
  const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  return runs(...command, ...flags, ...folder.flatMap((path) => ["--prefix", path]));
}

/** Runs a command in the checkout with its whole output on stderr. */
function runs(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error !== undefined) say(`${command}: ${error.message}`);
  return status === 0;
}

const nativeTests = {
  name: "native tests",
  what: "compile native/test",
  stamp: join(root, "build/.tests-stamp"),
  isNeeded() {
    const built = existsSync(join(root, "build/native-test"));
    return compiler() !== undefined && (!built || readStamp(this.stamp) !== addon.digest());
  },
  run() {
    const digest = addon.digest();
    if (!runs(process.execPath, "scripts/build-native.mjs", "--tests")) {
      throw new SetupError("the native tests do not compile; see above");
    }
    writeStamp(this.stamp, digest);
    return true;
  },
};

// Tests start servers of their own as an ordinary user; the package must not start one.
const database = {
  name: "postgresql",
  what: "for the tests of the coordinator's store",
  isNeeded: () => !existsSync("/usr/lib/postgresql") && findOnPath("initdb") === undefined,
  run() {
    const clusters = "/etc/postgresql-common/createcluster.conf";
    const none = `mkdir -p /etc/postgresql-common && test -e ${clusters} || echo create_main_cluster=false > ${clusters}`;
    const packages = "apt-get install -y -qq --no-install-recommends postgresql-15";
    const install = `${none}; apt-get update -qq && ${packages}`;
    if (installs(this.name, install)) return true;
    say("postgresql: not here, so what needs it is skipped; Debian has it as postgresql-15");
    return false;
  },
};

// It asks for a newer Node than the rest, so it is no dependency of the checkout.
const sigstore = {
  name: "sigstore",
  what: "its verifier, which tests ask about our bundles",
  folder: "test/foreign/sigstore",
  stamp: join(root, "test/foreign/sigstore/node_modules/.stamp"),
  digest: () => digestOf(root, ["test/foreign/sigstore/package-lock.json"]),
  isNeeded() {
    return readStamp(this.stamp) !== this.digest();
  },
  run() {
    if (npmCi(this.folder)) return writeStamp(this.stamp, this.digest());
    say("sigstore: could not be installed, so what needs it is skipped");
    return false;
  },
};

const usual = [dependencies, generated, compiled, addon];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setup();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
