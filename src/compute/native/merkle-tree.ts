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
import { DeviceBytes } from "./device-bytes.js";
import { digestBytes, refuseLarge } from "./hash-options.js";
import { byteCount, type MessageList, type OwnedMessages, own, pack } from "./messages.js";
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

  /** Leaves of up to `synchronousBytesMax` bytes in all. */
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
    if (state.hashes.some((hash) => hash.length !== digestBytes)) {
      throw new QuipuError("INVALID_ARGUMENT", "a frontier's digests have 32 bytes each");
    }
    const digests = pack(state.hashes).data;
    this.#native = new (binding().MerkleFrontier)(state.size, digests, backend);
  }

  get size(): number {
    return this.#native.size();
  }

  /** Leaves of up to `synchronousBytesMax` bytes in all. */
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
    if ("data" in leaves && leaves.data instanceof DeviceBytes) {
      const { data, count } = leaves;
      return runTask(options, data.length, "appending leaves", (control) =>
        this.#native.appendAsync(data.native, count, undefined, control),
      );
    }
    return appendLater(this.#native, leaves as MessageList | OwnedMessages, options);
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
  refuseLarge({ byteLength: byteCount(leaves) }, "appendAsync");
  const { data, count, ends } = pack(leaves);
  native.append(data, count, ends);
}

async function appendLater(
  native: Native,
  leaves: MessageList | OwnedMessages,
  options: TaskOptions,
): Promise<void> {
  const { owned, count, ends } = own(leaves);
  await owned.lend((data) =>
    runTask(options, data.length, "appending leaves", (control) =>
      native.appendAsync(data, count, ends, control),
    ),
  );
}

function split(digests: Uint8Array): Uint8Array[] {
  return Array.from({ length: digests.length / digestBytes }, (_, i) =>
    digests.slice(i * digestBytes, (i + 1) * digestBytes),
  );
}
