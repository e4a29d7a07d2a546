/**
 * `npm run bench:peers`: everything that may not ship and that `npm run bench` measures against or
 * `npm run test:models` asks. Packages come from bench/peers/package-lock.json; C peers and the programs
 * that measure the machine's limits are compiled beside them. What cannot be had here is named, and its
 * lines do without.
 *
 * The official BLAKE3 sources are not in this repository: Debian's librust-blake3-dev has them, and so has
 * npm's blake3.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./machine.js";

const peers = join(packageRoot, "bench", "peers");
const build = join(peers, "build");
const debian = "/usr/share/cargo/registry";
const npmNative = join(peers, "node_modules", "@c4312", "blake3-native");
const nodeHeaders = join(packageRoot, "node_modules", "node-api-headers", "include");
const shared = ["-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-I", nodeHeaders];

function run(what: string, command: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args, { cwd: peers, stdio: ["ignore", 2, 2] });
  const done = status === 0;
  const failed = `failed${error === undefined ? "; see above" : `: ${error.message}`}`;
  console.log(`${what}: ${done ? "ready" : failed}`);
  if (!done) process.exitCode = 1;
  return done;
}

function sourcesIn(folder: string, accept: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => accept.test(name))
    .map((name) => join(folder, name));
}

/** The library without its intrinsics, which the assembly replaces. */
const librarySources = (folder: string): string[] =>
  sourcesIn(folder, /^blake3(_dispatch|_portable)?\.c$|_x86-64_unix\.S$/);

/** Debian's copy, of the last version that is installed; else the one inside npm's package. */
function blake3Folder(): string {
  const names = existsSync(debian) ? readdirSync(debian) : [];
  const versions = names.filter((name) => name.startsWith("blake3-")).sort();
  const last = versions.at(-1);
  return last === undefined ? join(npmNative, "c") : join(debian, last, "c");
}

function compile(): void {
  const cc = process.env.CC ?? "cc";
  const cxx = process.env.CXX ?? "c++";
  mkdirSync(build, { recursive: true });
  const limits = sourcesIn(peers, /^limits(_\w+)?\.c$/);
  const limitsNode = join(build, "limits.node");
  const c = ["-std=gnu11", "-pthread"];
  run("limits of this machine", cc, [...c, ...shared, ...limits, "-o", limitsNode, "-ldl"]);

  const folder = blake3Folder();
  if (!existsSync(folder)) {
    console.log("BLAKE3's C library: no sources here; as root: apt-get install librust-blake3-dev");
    process.exitCode = 1;
    return;
  }
  const peer = [join(peers, "blake3.c"), ...librarySources(folder)];
  const peerNode = join(build, "blake3.node");
  run(`BLAKE3's C library, from ${folder}`, cc, [...shared, "-I", folder, ...peer, "-o", peerNode]);
  compileNpmBlake3(cc, cxx);
}

/** What its binding.gyp says, without the tool that would first fetch headers. */
function compileNpmBlake3(cc: string, cxx: string): void {
  if (!existsSync(npmNative)) return;
  const release = join(npmNative, "build", "Release");
  mkdirSync(release, { recursive: true });
  const c = join(npmNative, "c");
  const library = join(release, "libblake3.o");
  const linked = ["-O3", "-fPIC", "-r", "-nostdlib", "-I", c, ...librarySources(c), "-o", library];
  if (!run("npm's blake3, its C library", cc, linked)) return;
  run("npm's blake3, its addon", cxx, [
    "-std=c++17",
    ...shared,
    "-DNAPI_DISABLE_CPP_EXCEPTIONS",
    "-DNODE_ADDON_API_ENABLE_MAYBE",
    "-I",
    join(peers, "node_modules", "node-addon-api"),
    "-I",
    c,
    join(npmNative, "src", "native.cc"),
    library,
    "-o",
    join(release, "blake3.node"),
  ]);
}

const npm = process.env.npm_execpath;
const [command, ...first] = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
run("packages", command ?? "npm", [...first, ...flags]);
compile();
