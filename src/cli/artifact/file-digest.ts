/** SHA-256 of a local file, without the addon: it names the artifact before it is sent. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Digest, parseDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";

export async function digestOfFile(path: string): Promise<{ digest: Digest; sizeBytes: number }> {
  const facts = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `${path} cannot be read: ${cause.message}`, {
      next: "check the path",
      cause,
    });
  });
  if (!facts.isFile()) {
    throw new QuipuError("INVALID_ARGUMENT", `${path} is not a file`, { next: "name a file" });
  }
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), sizeBytes };
}
