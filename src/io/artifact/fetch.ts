/** Downloads a blob into a store: resumed where it stopped, checked while it is written. */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { BlobFacts } from "./blob-file.js";
import type { Partial } from "./downloads.js";
import type { ArtifactStore } from "./store.js";
import {
  checkedUrl,
  exchange,
  responseError,
  retrying,
  type TransferOptions,
  transferLimits,
} from "./transfer.js";

export interface FetchOptions extends TransferOptions {
  readonly digest: Digest;
  readonly store: ArtifactStore;
  readonly sizeBytesMax?: number;
  readonly onProgress?: (progress: FetchProgress) => void;
}

export interface FetchProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}

/** A blob that the store has already is not fetched again. */
export async function fetchArtifact(options: FetchOptions): Promise<BlobFacts> {
  const { digest, store } = options;
  const url = checkedUrl(options.url);
  const there = await store.stat(digest);
  if (there !== undefined) return there;
  return await store.download(digest, options, async (partial) => {
    let mark = partial.sizeBytes;
    await retrying(
      () => receive(url, partial, options),
      options,
      () => {
        const moved = partial.sizeBytes - mark >= transferLimits.progressBytesMin;
        mark = partial.sizeBytes;
        return moved;
      },
    );
  });
}

/** One attempt: from where the partial ends to where the blob ends. */
function receive(url: URL, partial: Partial, options: FetchOptions): Promise<void> {
  return exchange(options, async (signal, moved) => {
    const response = await fetch(url, {
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(partial.sizeBytes === 0 ? {} : { range: `bytes=${partial.sizeBytes}-` }),
        // The digest is over the blob itself, so no coding on the way.
        "accept-encoding": "identity",
      },
      redirect: "manual", // which is an error: a grant is for this address only
      signal,
    });
    moved();
    const totalBytes = await startOf(response, partial, options.url);
    if (totalBytes === partial.sizeBytes) {
      await response.body?.cancel();
      return;
    }
    for await (const bytes of response.body ?? []) {
      moved();
      await partial.append(bytes);
      options.onProgress?.({ receivedBytes: partial.sizeBytes, totalBytes });
    }
    if (totalBytes !== undefined && partial.sizeBytes !== totalBytes) {
      const text = `${options.url} sent ${partial.sizeBytes} of ${totalBytes} bytes`;
      throw new QuipuError("UNAVAILABLE", text, { next: "try again" });
    }
  });
}

/** Makes the partial stand where the response begins; returns the blob's size where it is told. */
async function startOf(
  response: Response,
  partial: Partial,
  url: string,
): Promise<number | undefined> {
  if (response.status === 200) {
    if (partial.sizeBytes > 0) await partial.restart();
    const length = response.headers.get("content-length");
    return length === null ? undefined : Number(length);
  }
  const range = response.headers.get("content-range") ?? "";
  if (response.status === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(range);
    if (match !== null && Number(match[1]) === partial.sizeBytes) return Number(match[2]);
    throw new QuipuError("DATA_INVALID", `${url} answered another range than asked: ${range}`);
  }
  if (response.status === 416 && partial.sizeBytes > 0) {
    // Either everything is here already, or what is here is not a part of this blob.
    if (range === `bytes */${partial.sizeBytes}`) return partial.sizeBytes;
    await response.body?.cancel();
    await partial.restart();
    throw new QuipuError("UNAVAILABLE", `${url} has fewer bytes than an earlier part of it`);
  }
  throw await responseError(response, url);
}
