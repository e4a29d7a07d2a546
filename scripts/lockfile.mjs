/**
 * `node scripts/lockfile.mjs [--fix]`: package-lock.json names every optional platform package.
 *
 * A registry mirror may lack the packages of other platforms. npm then leaves them out of the lock
 * file without a word, and `npm ci` refuses that lock file everywhere. `--fix` enters them by name and
 * version, so that they are known and, not being for this platform, never fetched. An entry without
 * a digest is only ever written for a platform that is not Linux on x86-64 with glibc.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const path = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "armv7", "ia32", "ppc64", "riscv64", "s390x", "x64"];

const missing = [];
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!isLocked(owner, name)) missing.push({ owner, name, version, dev: entry.dev });
  }
}
if (missing.length === 0) console.log("lock file: ok");
else if (process.argv.includes("--fix")) complete();
else {
  console.log(`package-lock.json:1: ${missing.length} platform packages are missing, first:`);
  console.log(`  ${missing[0].name} of ${missing[0].owner}; run: node scripts/lockfile.mjs --fix`);
  process.exitCode = 1;
}

/** As Node looks a package up: beside its owner, then in each node_modules above. */
function isLocked(owner, name) {
  for (let at = owner; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    if (`${at === "" ? "" : `${at}/`}node_modules/${name}` in lock.packages) return true;
    if (at === "") return false;
  }
}

function complete() {
  for (const { name, version, dev } of missing) {
    const entry = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true };
    if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name}: ${version} is not exact`);
    if (entry.os[0] === "linux" && entry.cpu[0] === "x64" && entry.libc === undefined) {
      throw new Error(`${name} is for this platform: it must come from the registry`);
    }
    lock.packages[`node_modules/${name}`] = entry;
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`lock file: entered ${missing.length} platform packages`);
}

function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`${name} names no platform`);
  const musl = words.some((word) => word.startsWith("musl"));
  return {
    cpu: cpu.map((word) => (word === "armv7" ? "arm" : word)),
    os,
    ...(musl ? { libc: ["musl"] } : {}),
  };
}
