/** H5: memory that a tree of a million leaves takes above the leaves, in a process that does nothing else. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MerkleTree, OwnedBytes } from "../../src/compute/native/hashing.js";
import type { Said } from "../result.js";
import { kib, mib, randomBytes, threadsText } from "./setting.js";

const count = 1_000_000;
const bytesMax = 150e6;
const self = fileURLToPath(import.meta.url);

export async function memoryLine(what: string, leafBytes: number, threads: number): Promise<Said> {
  const name = `${what}, memory above them, ${threadsText(threads)}`;
  if (!existsSync("/proc/self/clear_refs")) return { name, said: "only Linux tells" };
  const text = execFileSync(process.execPath, [self, String(leafBytes)], { encoding: "utf8" });
  const { peakBytes, keptBytes } = JSON.parse(text) as { peakBytes: number; keptBytes: number };
  return {
    name,
    said: `${(peakBytes / 1e6).toFixed(0)} MB`,
    goal: `< ${bytesMax / 1e6} MB`,
    held: peakBytes < bytesMax,
    note: `at its peak; ${(keptBytes / 1e6).toFixed(0)} MB when done`,
  };
}

/** A number of bytes in /proc/self/status. */
function status(name: string): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1]) * kib;
}

async function measure(leafBytes: number): Promise<void> {
  // The addon and its threads are no part of a tree.
  await new MerkleTree().appendAsync({ data: OwnedBytes.take(randomBytes(mib)), count: kib });
  const data = OwnedBytes.take(randomBytes(count * leafBytes));
  writeFileSync("/proc/self/clear_refs", "5"); // the peak is what is there now
  const before = status("VmRSS");
  const tree = new MerkleTree();
  await tree.appendAsync({ data, count });
  tree.root();
  const peakBytes = status("VmHWM") - before;
  console.log(JSON.stringify({ peakBytes, keptBytes: status("VmRSS") - before }));
}

const [, started, leafBytes] = process.argv;
if (started === self) await measure(Number(leafBytes));
