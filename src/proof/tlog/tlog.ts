/**
 * An append-only log that anyone can check: the library `quipu/tlog`.
 *
 * C2SP tlog-tiles, tlog-checkpoint, tlog-witness and tlog-policy over whatever entries are given. Nothing here
 * touches files, network or clock: a `LogStore` keeps what the writer says (`quipu/tlog/folder` has one), a
 * `TileReader` reads what is published, and signing and fast hashing are passed in.
 */
export type { Signer } from "../../base/signature.js";
export {
  type ConsistencyClaim,
  checkConsistency,
  checkInclusion,
  checkInclusions,
  type InclusionClaim,
} from "./check.js";
export { type Checkpoint, openCheckpoint, signCheckpoint } from "./checkpoint.js";
export { copyLog } from "./copy.js";
export { type Following, followLog } from "./follow.js";
export { checkFork, type ForkProof, forkBytes, parseFork } from "./fork.js";
export { type FsckReport, fsckLog } from "./fsck.js";
export { type HashMany, leafHash } from "./hash.js";
export { cosignNote, type NoteSigner, parseNote, type SignedNote, verifyNote } from "./note.js";
export { formatProofFile, type ProofFile, parseProofFile } from "./proof-file.js";
export { LogReader } from "./reader.js";
export { type LogHead, type LogInclusion, Sequencer, type SequencerOptions } from "./sequencer.js";
export type { LogStore, StageName } from "./store.js";
export type { TileReader } from "./tile.js";
export { meetsQuorum, parseTrustPolicy, type TrustPolicy } from "./trust-policy.js";
export {
  formatVerifierKey,
  parseVerifierKey,
  type VerifierKey,
  verifierKeyOf,
} from "./verifier-key.js";
export {
  type CheckpointRequest,
  formatRequest,
  judgeRequest,
  openRequest,
  parseRequest,
  type WitnessVerdict,
} from "./witness.js";
