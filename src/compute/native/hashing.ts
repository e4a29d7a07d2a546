/**
 * Hashing at the speed of the machine: the library `quipu/hash`.
 *
 * Plain calls run on the calling thread without a copy, up to `synchronousBytesMax` bytes; larger ones are
 * refused. `…Async` calls run on the addon's threads. They take the memory over (`OwnedBytes`) or copy it,
 * can be aborted, and report progress. All of it works in `worker_threads`, and a process or worker may end
 * with work in flight.
 */
export { DeviceBytes } from "./device-bytes.js";
export { hash, hashAsync, hashMany, hashManyAsync } from "./hash.js";
export { type FileDigests, type FileFacts, hashFile } from "./hash-file.js";
export { type HashAlgorithm, type HashOptions, synchronousBytesMax } from "./hash-options.js";
export { type HashedTree, hashTree } from "./hash-tree.js";
export { Hasher, HashStream } from "./hasher.js";
export { type FrontierState, MerkleFrontier, MerkleTree } from "./merkle-tree.js";
export type { MessageList, OwnedMessages, PackedMessages } from "./messages.js";
export { OwnedBytes } from "./owned-bytes.js";
export type { TaskOptions } from "./task.js";
