/** The host that runs work on: native hashing, the artifact store, worker processes. */
import { toHex } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import { capabilities } from "../compute/native/capabilities.js";
import { treeStamp } from "../compute/native/hash-tree.js";
import { hash, hashTree } from "../compute/native/hashing.js";
import type { BlobFacts } from "../io/artifact/blob-file.js";
import { fetchArtifact } from "../io/artifact/fetch.js";
import type { ArtifactStore } from "../io/artifact/store.js";
import type { Artifact } from "../model/artifact.js";
import type { RunnerHost } from "./hooks/work.js";

export interface RunnerHostOptions {
  readonly clock: Clock;
  readonly dataFolder: string;
  readonly scratchFolder: string;
  readonly workers: RunnerHost["workers"];
  readonly store: ArtifactStore;
  readonly observe: (text: string) => void;
}

/** Throws ADDON_MISSING where there is no native code to hash with. */
export function runnerHost({ store, ...options }: RunnerHostOptions): RunnerHost {
  return {
    ...options,
    hashBackend: hashBackend(),
    blake3: (bytes) => toHex(hash(bytes)),
    hashTree: (folder, signal, onProgress) => hashTree(folder, { signal, onProgress }),
    treeStamp,
    async fetchInput({ digest, url, token }, signal) {
      const { sizeBytes } = await fetchArtifact({ digest, url, token, store, signal });
      return { path: store.pathOf(digest), sizeBytes };
    },
    async adoptOutput(path, artifact) {
      checkOutput(artifact, await store.adopt(path, { expected: artifact.digest }));
    },
    async keepOutput(bytes, artifact) {
      checkOutput(artifact, await store.keep(bytes, { expected: artifact.digest }));
    },
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  };
}

function checkOutput({ name, blake3, sizeBytes }: Artifact, facts: BlobFacts): void {
  if ((facts.blake3 ?? blake3) === blake3 && facts.sizeBytes === sizeBytes) return;
  throw new QuipuError("DIGEST_MISMATCH", `output ${name} is not what its driver said it is`);
}

/** What the addon dispatches hashing to in this process: the processor's best unless one is forced. */
function hashBackend(): string {
  const processor = capabilities({ probeCuda: false }).backends.filter((one) => one !== "cuda");
  const forced = processor.find((one) => one === process.env.QUIPU_BACKEND);
  return forced ?? processor[0] ?? "portable";
}
