/**
 * What coordinators that share a database must have in common besides it, since the one that follows
 * goes on with it: the keys that sign log and grants, and the blobs that clients brought.
 */
import { join } from "node:path";
import { concatBytes, type Digest, digestOf } from "../base/bytes.js";
import type { Signer } from "../base/signature.js";
import { type ArtifactStore, openArtifactStore } from "../io/artifact/store.js";
import { loadOrCreateSigner } from "../io/identity/signer.js";
import type { Artifact } from "../model/artifact.js";
import type { ArtifactShelf } from "./ports.js";

export interface Shared {
  readonly logSigner: Signer;
  readonly grantSigner: Signer;
  /** Signs what the coordinator itself states. */
  readonly noticeSigner: Signer;
  readonly artifacts: ArtifactStore;
}

/** Files of `keys/`. */
export const keyNames = ["log", "grants", "notices"] as const;

/** `folder` holds `keys/` and `artifacts/`; `isShared`: for other processes too. */
export async function openShared(folder: string, isShared: boolean): Promise<Shared> {
  const keys = join(folder, "keys");
  return {
    logSigner: await loadOrCreateSigner(keys, keyNames[0], "ed25519"),
    grantSigner: await loadOrCreateSigner(keys, keyNames[1], "ecdsa-p256-sha256"),
    noticeSigner: await loadOrCreateSigner(keys, keyNames[2], "ecdsa-p256-sha256"),
    artifacts: await openArtifactStore(artifactsOf(folder), { isShared }),
  };
}

/** Where a coordinator has its blobs. */
export function artifactsOf(folder: string): string {
  return join(folder, "artifacts");
}

/** By which coordinators tell whether they have the same keys. */
export function keysDigest({ logSigner, grantSigner, noticeSigner }: Shared): Digest {
  const signers = [logSigner, grantSigner, noticeSigner];
  return digestOf(concatBytes(...signers.map(({ publicKey }) => publicKey)));
}

/** A blob alone has no name and no type; those belong to the outputs of runs. */
export function shelfOf(artifacts: ArtifactStore): ArtifactShelf {
  return {
    sizeOf: async (digest) => (await artifacts.stat(digest))?.sizeBytes,
    async list() {
      const listed: Artifact[] = [];
      const mediaType = "application/octet-stream";
      for await (const { digest, sizeBytes } of artifacts.list()) {
        listed.push({ name: "", digest, blake3: "", sizeBytes, mediaType });
      }
      return listed;
    },
  };
}
