/**
 * What stands against ours. Packages and programs are in bench/peers, where `npm run bench:peers` puts
 * them; nothing is fetched while a bench runs, and a line whose peer is missing says so.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../machine.js";

const folder = join(packageRoot, "bench", "peers");
const require = createRequire(join(folder, "package.json"));

/** A package or addon, or why it is not here. */
export function loadPeer<T>(name: string): T | string {
  try {
    return require(name) as T;
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === "MODULE_NOT_FOUND") return "not installed: npm run bench:peers";
    return `does not load: ${String(thrown).split("\n")[0]}`;
  }
}

function versionOf(name: string): string {
  try {
    const path = join(folder, "node_modules", name, "package.json");
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return "";
  }
}

/** Something that hashes with BLAKE3 in this process, on the calling thread. */
export interface Blake3 {
  readonly name: string;
  readonly hash: (data: Uint8Array) => Uint8Array;
}

interface CLibrary {
  readonly version: string;
  blake3(data: Uint8Array, out: Uint8Array): void;
}

/** The official C library with its assembly. */
export function cLibrary(): Blake3 | string {
  const library = loadPeer<CLibrary>("./build/blake3.node");
  if (typeof library === "string") return `BLAKE3's C library: ${library}`;
  const out = new Uint8Array(32);
  const hash = (data: Uint8Array): Uint8Array => {
    library.blake3(data, out);
    return out;
  };
  return { name: `BLAKE3's C library ${library.version}, in-process`, hash };
}

interface HashWasm {
  createBLAKE3(): Promise<{
    init(): void;
    update(data: Uint8Array): void;
    digest(form: "binary"): Uint8Array;
  }>;
}

/** One instance for all calls, which is its fastest form. */
export async function hashWasm(): Promise<Blake3 | string> {
  const library = loadPeer<HashWasm>("hash-wasm");
  if (typeof library === "string") return `hash-wasm: ${library}`;
  const hasher = await library.createBLAKE3();
  const hash = (data: Uint8Array): Uint8Array => {
    hasher.init();
    hasher.update(data);
    return hasher.digest("binary");
  };
  return { name: `hash-wasm ${versionOf("hash-wasm")}`, hash };
}

/**
 * npm's `blake3`. Version 3.0.0 asks for releases of its parts that do not exist; bench/peers names
 * those that do, and compiles its native part, which is the fast one.
 */
export function npmBlake3(): Blake3 | string {
  const library = loadPeer<{ hash(data: Uint8Array): Buffer }>("blake3");
  if (typeof library === "string") return `npm's blake3: ${library}`;
  // It copies what is not a Buffer.
  const hash = (data: Uint8Array): Uint8Array =>
    library.hash(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return { name: `npm's blake3 ${versionOf("blake3")}, native`, hash };
}

export async function blake3Peers(): Promise<readonly (Blake3 | string)[]> {
  return [cLibrary(), await hashWasm(), npmBlake3()];
}

export type MerkleTreeJsHash = (data: Uint8Array) => unknown;

/** merkletreejs, as far as it is used here. */
interface MerkleTreeJs {
  readonly name: string;
  readonly MerkleTree: new (
    leaves: readonly Uint8Array[],
    hash: MerkleTreeJsHash,
    options: { readonly hashLeaves: boolean },
  ) => { getRoot(): Buffer };
  /** Of the package that it comes with. */
  readonly cryptoJsSha256: MerkleTreeJsHash;
}

export function merkleTreeJs(): MerkleTreeJs | string {
  const library = loadPeer<Pick<MerkleTreeJs, "MerkleTree">>("merkletreejs");
  const cryptoJsSha256 = loadPeer<MerkleTreeJsHash>("crypto-js/sha256");
  if (typeof library === "string") return `merkletreejs: ${library}`;
  if (typeof cryptoJsSha256 === "string") return `crypto-js: ${cryptoJsSha256}`;
  const name = `merkletreejs ${versionOf("merkletreejs")}`;
  return { name, MerkleTree: library.MerkleTree, cryptoJsSha256 };
}

/** What `b3sum --version` says; empty where it is not installed. */
export function b3sumVersion(): string {
  return spawnSync("b3sum", ["--version"], { encoding: "utf8" }).stdout?.trim() ?? "";
}

export const nodeCrypto = `crypto.hash, OpenSSL ${process.versions.openssl}`;

/** For the line of a run. */
export function peerVersions(): Record<string, string> {
  const library = loadPeer<CLibrary>("./build/blake3.node");
  const packages = ["blake3", "hash-wasm", "merkletreejs"];
  return {
    b3sum: b3sumVersion(),
    "blake3 C library": typeof library === "string" ? "" : library.version,
    ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}
