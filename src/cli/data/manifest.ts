/** `quipu data manifest FOLDER`: what a folder holds, as a document; registers nothing. */
import { basename, resolve } from "node:path";
import { digestOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { hashTree } from "../../compute/native/hashing.js";
import { manifestBytes } from "../../model/manifest.js";
import type { VerbAction } from "../context.js";
import { Progress } from "../hash/progress.js";
import { bytesText } from "../table.js";
import { documentPlace, writeDocument } from "./document-file.js";
import { modelSigningStatement } from "./model-signing.js";

export const action: VerbAction = async ({ output, signal }, { args, options }) => {
  const [folder = ""] = args;
  const to = options.to as string | undefined;
  const place = to === undefined ? undefined : await documentPlace(to, folder);
  const onProgress = new Progress(output, "hashing").whole();
  const { manifest } = await hashTree(folder, { signal, onProgress });
  let bytes = manifestBytes(manifest);
  if (options.format === "model-signing") {
    const { statement, leftOut } = modelSigningStatement(manifest, basename(resolve(folder)));
    if (leftOut.length > 0) {
      output.note(`left out, as model-signing does: ${leftOut.length} files of git's`);
    }
    bytes = canonicalBytes(statement);
  }
  const text = Buffer.from(bytes).toString();
  if (place === undefined) {
    output.result(JSON.parse(text), () => text);
    return 0;
  }
  await writeDocument(place, bytes);
  const files = manifest.entries.length;
  const sizeBytes = manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  const document = { path: to, format: options.format, digest: digestOf(bytes), files, sizeBytes };
  output.result(
    { document },
    () => `${to}  ${files} files, ${bytesText(sizeBytes)}, ${document.digest}`,
  );
  return 0;
};
