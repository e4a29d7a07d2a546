/** Sources as jobs: which of them share the cores, and which take all of them. */
import type { FolderFile } from "../../compute/native/folder-files.js";
import { type DigestOptions, digestFile } from "./digest-file.js";
import type { HashChoices } from "./hash-choices.js";
import type { Job } from "./in-order.js";
import type { Outcome } from "./outcome.js";
import type { FolderSource, Source } from "./sources.js";

type DigestJob = Job<readonly Outcome[]>;

/** From here on BLAKE3 of one file keeps every core busy, so files come one after another. */
const aloneBytesMin = 8 * 1024 * 1024;
/** Lines of a folder appear in batches; the cores come together at the end of each. */
const filesPerBatchMax = 4096;

export function* digestJobs(
  sources: readonly Source[],
  choices: HashChoices,
  options: DigestOptions,
): Generator<DigestJob> {
  for (const source of sources) {
    if (source.kind === "failed") yield { alone: false, run: async () => [source] };
    else if (source.kind === "folder") yield* folderJobs(source, choices, options);
    else if (source.kind === "file") {
      yield {
        alone: takesAllCores(source.sizeBytes, choices),
        run: async () => [await digestFile(source, choices, options)],
      };
    } else {
      yield {
        alone: true,
        run: async () => {
          const { digestInput } = await import("./digest-input.js");
          return [await digestInput(source, choices, options)];
        },
      };
    }
  }
}

function* folderJobs(
  folder: FolderSource,
  choices: HashChoices,
  options: DigestOptions,
): Generator<DigestJob> {
  for (const batch of batches(folder.files, choices)) {
    yield {
      alone: true,
      run: async () => {
        const { digestBatch } = await import("./digest-folder.js");
        return digestBatch(folder, batch, choices, options);
      },
    };
  }
}

function* batches(
  files: readonly FolderFile[],
  choices: HashChoices,
): Generator<readonly FolderFile[]> {
  let batch: FolderFile[] = [];
  for (const file of files) {
    const large = takesAllCores(file.facts.sizeBytes, choices);
    if (batch.length > 0 && (large || batch.length === filesPerBatchMax)) {
      yield batch;
      batch = [];
    }
    batch.push(file);
    if (!large) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** SHA-256 goes through a file in one line: with it, several files at once keep the cores busy. */
function takesAllCores(sizeBytes: number, { algorithms }: HashChoices): boolean {
  return sizeBytes >= aloneBytesMin && !algorithms.includes("sha256");
}
