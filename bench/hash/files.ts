/** H2: BLAKE3 of a cached file by two threads, in a warm process and by the command line. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { hashFile } from "../../src/compute/native/hashing.js";
import type { Contest, Peer } from "../harness.js";
import { packageRoot } from "../machine.js";
import type { Said } from "../result.js";
import { blake3Arithmetic, fileReads, sha256Chain, smallest } from "./limits.js";
import { b3sumVersion } from "./peers.js";
import { blake3Reference, noReference } from "./references.js";
import { type Family, gib, randomBytes, type Setting, threadsText } from "./setting.js";

const commandGib = 8;
const quipu = join(packageRoot, "bin", "quipu");
const missing = "b3sum: not installed (Debian's package b3sum)";

export const files: Family = {
  goals: "H2",
  threads: (all) => [Math.min(2, all)],
  async *lines(setting) {
    const data = randomBytes(gib);
    yield warm(setting, data);
    yield bothDigests(setting, data);
    yield commandLine(setting, data);
  },
};

/** `repeats` times the same bytes, on the disk, so that nothing is left to be written meanwhile. */
function writeCached(path: string, data: Uint8Array, repeats: number): void {
  const file = openSync(path, "w");
  for (let i = 0; i < repeats; i += 1) {
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
  }
  fsyncSync(file);
  closeSync(file);
}

function b3sum(path: string, threads: number): string {
  const flags = ["--no-names", "--num-threads", String(threads)];
  return execFileSync("b3sum", [...flags, path], { encoding: "utf8" }).trim();
}

/** Median time of a b3sum that has nothing to read. */
function startMs(folder: string, threads: number): number {
  const empty = join(folder, "empty");
  writeFileSync(empty, "");
  const times = Array.from({ length: 25 }, () => {
    const start = performance.now();
    b3sum(empty, threads);
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[12] ?? 0;
}

function warm({ threads, folder }: Setting, data: Uint8Array): Contest {
  const path = join(folder, "1-gib");
  writeCached(path, data, 1);
  const want = blake3Reference(data);
  const version = b3sumVersion();
  const algorithms = ["blake3"] as const;
  return {
    name: `H2 BLAKE3, cached file of 1 GiB, hashFile, ${threadsText(threads)}`,
    work: data.length,
    unit: "B",
    ours: { run: async () => (await hashFile(path, { algorithms })).blake3, want },
    peer:
      version === ""
        ? missing
        : {
            name: `${version}, less its start-up`,
            run: () => b3sum(path, threads),
            want,
            overheadMs: startMs(folder, threads),
          },
    limit: smallest(fileReads(path, threads), blake3Arithmetic(threads)),
    goal: { ratio: 1 },
    note: want === undefined ? noReference : undefined,
  };
}

/** SHA-256 goes through a file in one line, so the other digest should cost little beside it. */
function bothDigests({ threads, folder }: Setting, data: Uint8Array): Contest {
  const path = join(folder, "1-gib"); // written by the line before
  const sha256 = createHash("sha256").update(data).digest("hex");
  const blake3 = blake3Reference(data);
  const peer: Peer = {
    name: `node:crypto, SHA-256 alone, OpenSSL ${process.versions.openssl}`,
    run: () => createHash("sha256").update(readFileSync(path)).digest("hex"),
    want: sha256,
  };
  return {
    name: `both digests, cached file of 1 GiB, hashFile, ${threadsText(threads)}`,
    work: data.length,
    unit: "B",
    ours: {
      run: async () => {
        const digests = await hashFile(path);
        return blake3 === undefined ? digests.sha256 : digests.sha256 + digests.blake3;
      },
      want: sha256 + (blake3 ?? ""),
    },
    peer,
    limit: smallest(fileReads(path, threads), sha256Chain),
  };
}

/** Both whole processes, start-up and all. */
function commandLine({ threads, folder, full }: Setting, data: Uint8Array): Contest | Said {
  const name = `H2 BLAKE3, cached file of ${commandGib} GiB, quipu hash, ${threadsText(threads)}`;
  if (!full) return { name, said: "only in npm run bench:full" };
  if (spawnSync(quipu, ["hash", "--help"], { stdio: "ignore" }).status !== 0) {
    return { name, said: "there is no quipu hash yet" };
  }
  if (freemem() < (commandGib + 2) * gib) {
    return { name, said: "too little memory to keep the file cached" };
  }
  const path = join(folder, "8-gib");
  writeCached(path, data, commandGib);
  const version = b3sumVersion();
  const run = (): string => execFileSync(quipu, ["hash", path], { encoding: "utf8" }).slice(0, 64);
  const want = version === "" ? undefined : b3sum(path, threads);
  return {
    name,
    work: commandGib * data.length,
    unit: "B",
    ours: { run, want },
    peer:
      version === ""
        ? missing
        : { name: `${version}, whole process`, run: () => b3sum(path, threads), want: run() },
    limit: smallest(fileReads(path, threads), blake3Arithmetic(threads)),
    goal: { ratio: 1 / 1.1 },
  };
}
