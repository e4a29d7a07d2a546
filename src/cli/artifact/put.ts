/** `quipu artifact put FILE`: stores a file with the coordinator, under its digest. */
import { basename } from "node:path";
import { ArtifactAction } from "../../gen/quipu/v1/fleet_pb.js";
import { putArtifact } from "../../io/artifact/put.js";
import type { Context, VerbAction } from "../context.js";
import { bytesText } from "../table.js";
import { digestOfFile } from "./file-digest.js";

export const action: VerbAction = async (context, { args }) => {
  const stored = await storeFile(context, args[0] ?? "");
  context.output.result(
    { artifact: stored },
    () => `${stored.digest}  ${bytesText(stored.sizeBytes)}  ${stored.name}`,
  );
  return 0;
};

/** Storing the same bytes again is no work and no error. */
export async function storeFile(context: Context, path: string) {
  const { artifacts } = await context.coordinator();
  const { digest, sizeBytes } = await digestOfFile(path);
  const grant = await artifacts.grantArtifact({
    digest,
    action: ArtifactAction.PUT,
    sizeBytes: BigInt(sizeBytes),
  });
  await putArtifact({ url: grant.url, token: grant.token, digest, path, signal: context.signal });
  return { name: basename(path), digest, sizeBytes };
}
