/** `quipu artifact get DIGEST --to FILE`: fetches a stored file, checked by its digest. */
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Digest, parseDigest } from "../../base/bytes.js";
import { ArtifactAction } from "../../gen/quipu/v1/fleet_pb.js";
import { fetchArtifact } from "../../io/artifact/fetch.js";
import { openArtifactStore } from "../../io/artifact/store.js";
import type { Context, VerbAction } from "../context.js";
import { destinationCountry } from "../destination.js";
import { bytesText, shareText } from "../table.js";

export const action: VerbAction = async (context, invocation) => {
  const digest = parseDigest(invocation.args[0] ?? "");
  const path = String(invocation.options.to);
  const country = await destinationCountry(context, invocation);
  const { artifacts } = await context.coordinator();
  const grant = await artifacts.grantArtifact({
    digest,
    action: ArtifactAction.GET,
    destinationCountry: country,
    recipient: String(invocation.options.recipient ?? ""),
  });
  const sizeBytes = await downloadFile(context, { ...grant, digest, path });
  context.output.result(
    { artifact: { digest, sizeBytes, path } },
    () => `${path}  ${bytesText(sizeBytes)}`,
  );
  return 0;
};

export interface Download {
  readonly url: string;
  readonly token: string;
  readonly digest: Digest;
  readonly path: string;
}

/** The file appears whole under its name, or not at all. Returns its size in bytes. */
export async function downloadFile(
  context: Context,
  { path, ...wanted }: Download,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  // Beside the target, so that the last step is a rename on one file system.
  const folder = await mkdtemp(join(dirname(path), ".quipu-"));
  try {
    const store = await openArtifactStore(folder);
    const { sizeBytes } = await fetchArtifact({
      ...wanted,
      store,
      signal: context.signal,
      onProgress: ({ receivedBytes, totalBytes }) => {
        const share = totalBytes === undefined ? "" : `  ${shareText(receivedBytes / totalBytes)}`;
        context.output.progress(`fetching ${bytesText(receivedBytes)}${share}`);
      },
    });
    // Blobs of a store are read-only; this one becomes a file like any other.
    await chmod(store.pathOf(wanted.digest), 0o644);
    await rename(store.pathOf(wanted.digest), path);
    return sizeBytes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
