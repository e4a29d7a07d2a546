/** The host that runs work on: native hashing, the artifact store, worker processes. */
import { toHex } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import { capabilities } from "../compute/native/capabilities.js";
import { treeStamp } from "../compute/native/hash-tree.js";
import { hash, hashTree } from "../compute/native/hashing.js";
import { fetchArtifact } from "../io/artifact/fetch.js";
import type { ArtifactStore } from "../io/artifact/store.js";
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
      const facts = await store.adopt(path, { expected: artifact.digest });
      const { blake3: found = artifact.blake3 } = facts;
      if (found === artifact.blake3 && facts.sizeBytes === artifact.sizeBytes) return;
      const text = `output ${artifact.name} is not what its driver said it wrote`;
      throw new QuipuError("DIGEST_MISMATCH", text);
    },
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  };
}

/** What the addon dispatches hashing to in this process: the processor's best unless one is forced. */
function hashBackend(): string {
  const processor = capabilities({ probeCuda: false }).backends.filter((one) => one !== "cuda");
  const forced = processor.find((one) => one === process.env.QUIPU_BACKEND);
  return forced ?? processor[0] ?? "portable";
}
