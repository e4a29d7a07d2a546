/**
 * Merkle trees of RFC 6962 over SHA-256, for any leaves: `MerkleTree` keeps 64 bytes a leaf and proves,
 * `MerkleFrontier` keeps a few hundred bytes in all. Proofs are checked by `proof/tlog`, without native
 * code.
 */
import { QuipuError } from "../../base/errors.js";
import {
  type Backend,
  binding,
  type NativeMerkleFrontier,
  type NativeMerkleTree,
} from "./binding.js";
import { DeviceBytes, deviceMemory } from "./device-bytes.js";
import { digestBytes } from "./hash-options.js";
import { checkBytes } from "./memory.js";
import { type MessageList, type OwnedMessages, own, packSmall } from "./messages.js";
import { lendBytes } from "./owned-bytes.js";
import { runTask, type TaskOptions } from "./task.js";

export interface MerkleOptions {
  readonly backend?: Backend | undefined;
}

/** Leaves of equal size. */
export interface DeviceMessages {
  readonly data: DeviceBytes;
  readonly count: number;
}

/** What a tree of `size` leaves must remember to grow: a digest for each set bit of the size, largest subtree first. */
export interface FrontierState {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

export class MerkleTree {
  readonly #native: NativeMerkleTree;

  constructor({ backend }: MerkleOptions = {}) {
    this.#native = new (binding().MerkleTree)(backend);
  }

  get size(): number {
    return this.#native.size();
  }

  /** Leaves of up to `synchronousBytesMax` bytes in all, of which each counts 64 more than it has. */
  append(leaves: MessageList): this {
    appendTo(this.#native, leaves);
    return this;
  }

  /** Any number of leaves, off the event loop. Aborted, it appends none of them. */
  appendAsync(leaves: MessageList | OwnedMessages, options: TaskOptions = {}): Promise<void> {
    return appendLater(this.#native, leaves, options);
  }

  /** Of the tree as it was with `size` leaves; of all leaves unless given. */
  root(size = this.size): Uint8Array {
    const out = new Uint8Array(digestBytes);
    this.#native.root(size, out);
    return out;
  }

  /** Digests that prove leaf `index` under the root of `size` leaves, from the leaf up. */
  inclusionProof(index: number, size = this.size): Uint8Array[] {
    return split(this.#native.inclusionProof(index, size));
  }

  /** Digests that prove that the tree of `to` leaves begins with that of `from`. */
  consistencyProof(from: number, to = this.size): Uint8Array[] {
    return split(this.#native.consistencyProof(from, to));
  }

  frontier(size = this.size): FrontierState {
    return { size, hashes: split(this.#native.frontier(size)) };
  }
}

export class MerkleFrontier {
  readonly #native: NativeMerkleFrontier;

  /** Empty, or as another tree's or frontier's state was. */
  constructor(state: FrontierState = { size: 0, hashes: [] }, { backend }: MerkleOptions = {}) {
    const digests = digestsOf(state);
    this.#native = new (binding().MerkleFrontier)(state.size, digests, backend);
  }

  get size(): number {
    return this.#native.size();
  }

  /** Leaves of up to `synchronousBytesMax` bytes in all, of which each counts 64 more than it has. */
  append(leaves: MessageList): this {
    appendTo(this.#native, leaves);
    return this;
  }

  /**
   * Any number of leaves, off the event loop. Aborted, it appends none of them. Leaves of one size may lie
   * on a device; the backend is then `cuda`.
   */
  appendAsync(
    leaves: MessageList | OwnedMessages | DeviceMessages,
    options: TaskOptions = {},
  ): Promise<void> {
    if (!isOnDevice(leaves)) return appendLater(this.#native, leaves, options);
    const { data, count } = leaves;
    return runTask(options, data.length, "appending leaves", async (control) =>
      this.#native.appendAsync(deviceMemory(data), count, undefined, control),
    );
  }

  root(): Uint8Array {
    const out = new Uint8Array(digestBytes);
    this.#native.root(out);
    return out;
  }

  state(): FrontierState {
    return { size: this.size, hashes: split(this.#native.digests()) };
  }
}

type Native = NativeMerkleTree | NativeMerkleFrontier;

function appendTo(native: Native, leaves: MessageList): void {
  const { data, count, ends } = packSmall(leaves, "appendAsync");
  native.append(data, count, ends);
}

async function appendLater(
  native: Native,
  leaves: MessageList | OwnedMessages,
  options: TaskOptions,
): Promise<void> {
  const { owned, count, ends } = own(leaves);
  await lendBytes(owned, (data) =>
    runTask(options, data.length, "appending leaves", (control) =>
      native.appendAsync(data, count, ends, control),
    ),
  );
}

function isOnDevice(
  leaves: MessageList | OwnedMessages | DeviceMessages,
): leaves is DeviceMessages {
  return (leaves as Partial<DeviceMessages> | null)?.data instanceof DeviceBytes;
}

/** One after another, as the addon takes them. */
function digestsOf(state: FrontierState): Uint8Array {
  const hashes: unknown = state?.hashes;
  if (!Array.isArray(hashes)) {
    throw new QuipuError("INVALID_ARGUMENT", "a frontier's state is { size, hashes }", {
      next: "pass what `state` or `frontier` gave",
    });
  }
  for (const [i, hash] of hashes.entries()) {
    checkBytes(hash, "hash", i);
    if (hash.length === digestBytes) continue;
    throw new QuipuError("INVALID_ARGUMENT", "a frontier's digests have 32 bytes each", {
      next: "pass what `state` or `frontier` gave",
    });
  }
  return Buffer.concat(hashes);
}

function split(digests: Uint8Array): Uint8Array[] {
  return Array.from({ length: digests.length / digestBytes }, (_, i) =>
    digests.slice(i * digestBytes, (i + 1) * digestBytes),
  );
}
