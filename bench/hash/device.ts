/** G4: what lies in a CUDA device's memory is hashed there; what does not is copied there meanwhile. */
import { capabilities } from "../../src/compute/native/capabilities.js";
import {
  DeviceBytes,
  hashAsync,
  MerkleFrontier,
  OwnedBytes,
} from "../../src/compute/native/hashing.js";
import { type Contest, hexOf } from "../harness.js";
import type { Said } from "../result.js";
import { viewOf } from "./blake3.js";
import { deviceCopies, smallest } from "./limits.js";
import { javascriptRoot } from "./merkle-javascript.js";
import { blake3Reference } from "./references.js";
import { type Family, gib, kib, partsOf, randomBytes } from "./setting.js";

const count = 1_000_000;
const trees: readonly (readonly [name: string, leafBytes: number])[] = [
  ["64 B", 64],
  ["1 KiB", kib],
];
const cuda = { backend: "cuda" } as const;
/** Over the cores of the host, of which the promise names 16; and of the copies that the bus allows. */
const residentGoal = { ratio: 10 };
const hostGoal = { share: 0.85 };

const blake3Names = ["G4 BLAKE3, 1 GiB in device memory", "G4 BLAKE3, 1 GiB in host memory"];
const treeNames = (name: string): string[] =>
  ["device", "host"].map((where) => `G4 frontier of 10^6 leaves of ${name} in ${where} memory`);

export const device: Family = {
  goals: "G4",
  threads: (all) => [all],
  async *lines({ threads }) {
    const { usable, reason } = capabilities({ probeCuda: true }).cuda;
    if (!usable) {
      for (const name of [...blake3Names, ...trees.flatMap(([tree]) => treeNames(tree))]) {
        yield { name, said: "not run on a GPU", note: reason } satisfies Said;
      }
      return;
    }
    yield* blake3Lines(threads);
    for (const [name, leafBytes] of trees) yield* treeLines(name, leafBytes, threads);
  },
};

async function* blake3Lines(threads: number): AsyncGenerator<Contest> {
  const owned = OwnedBytes.take(randomBytes(gib));
  const want = blake3Reference(await viewOf(owned));
  const resident = await DeviceBytes.upload(owned);
  yield* inBothMemories(blake3Names, {
    work: gib,
    unit: "B",
    unitBytes: 1,
    want,
    threads,
    onDevice: () => hashAsync(resident, cuda),
    fromHost: () => hashAsync(owned, cuda),
    onCpu: () => hashAsync(owned),
  });
  resident.free();
}

async function* treeLines(
  name: string,
  leafBytes: number,
  threads: number,
): AsyncGenerator<Contest> {
  const owned = OwnedBytes.take(randomBytes(count * leafBytes));
  const want = hexOf(javascriptRoot(partsOf(await viewOf(owned), count)));
  const resident = await DeviceBytes.upload(owned);
  yield* inBothMemories(treeNames(name), {
    work: count,
    unit: "leaves",
    unitBytes: leafBytes,
    want,
    threads,
    onDevice: () => rootOf({ data: resident, count }, cuda),
    fromHost: () => rootOf({ data: owned, count }, cuda),
    onCpu: () => rootOf({ data: owned, count }),
  });
  resident.free();
}

type Leaves = Parameters<MerkleFrontier["appendAsync"]>[0];

async function rootOf(leaves: Leaves, options?: typeof cuda): Promise<Uint8Array> {
  const frontier = new MerkleFrontier(undefined, options);
  await frontier.appendAsync(leaves);
  return frontier.root();
}

interface Work extends Pick<Contest, "work" | "unit"> {
  /** Bytes that must be copied for one unit. */
  readonly unitBytes: number;
  readonly want: string | undefined;
  readonly threads: number;
  readonly onDevice: () => unknown;
  readonly fromHost: () => unknown;
  readonly onCpu: () => unknown;
}

function* inBothMemories(names: readonly string[], all: Work): Generator<Contest> {
  const { work, unit, unitBytes, want, threads, onDevice, fromHost, onCpu } = all;
  const [inDevice = "", inHost = ""] = names;
  const peer = { name: `our CPU kernels, ${threads} threads`, run: onCpu, want };
  yield {
    name: inDevice,
    work,
    unit,
    ours: { run: onDevice, want },
    peer,
    goal: residentGoal,
  };
  yield {
    name: inHost,
    work,
    unit,
    ours: { run: fromHost, want },
    peer,
    limit: () => smallest(deviceCopies)(unitBytes),
    goal: hostGoal,
  };
}
