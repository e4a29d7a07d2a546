/**
 * Hashing at the speed of the machine: the library `quipu/hash`.
 *
 * Plain calls run on the calling thread, up to `synchronousBytesMax` bytes; larger ones are refused. One
 * array and packed messages are read where they lie, separate messages are joined first. `…Async` calls
 * run on the addon's threads. They take the memory over (`OwnedBytes`) or copy it, can be aborted, and
 * report progress. All of it works in `worker_threads`, and a process or worker may end with work in flight.
 */
export type { Manifest, ManifestEntry } from "../../model/manifest.js";
export type { Backend } from "./binding.js";
export { DeviceBytes } from "./device-bytes.js";
export { hash, hashAsync, hashMany, hashManyAsync } from "./hash.js";
export { type FileDigests, type FileFacts, type HashFileOptions, hashFile } from "./hash-file.js";
export { type HashAlgorithm, type HashOptions, synchronousBytesMax } from "./hash-options.js";
export { type HashedTree, type HashTreeOptions, hashTree } from "./hash-tree.js";
export { Hasher, HashStream } from "./hasher.js";
export {
  type DeviceMessages,
  type FrontierState,
  MerkleFrontier,
  type MerkleOptions,
  MerkleTree,
} from "./merkle-tree.js";
export type { MessageList, OwnedMessages, PackedMessages } from "./messages.js";
export { OwnedBytes } from "./owned-bytes.js";
export type { TaskOptions } from "./task.js";
