/**
 * A manifest as the payload that OpenSSF model-signing signs and reads: an in-toto statement.
 *
 * The layout is that of github.com/sigstore/model-transparency, src/model_signing/_signing/signing.py
 * (`Payload`, `dsse_payload_to_manifest`) and src/model_signing/manifest.py: one resource a file, and a
 * subject whose SHA-256 is taken over the resources' digests, one after another. Its own order of resources
 * is that of pathlib, part by part, so that the subject's digest is the one that it would compute itself.
 */
import { createHash } from "node:crypto";
import { QuipuError } from "../../base/errors.js";
import type { Manifest } from "../../model/manifest.js";

/** At the top of a folder these are never signed, nor looked at when a signature is verified. */
const ignoredPaths = [".git", ".gitattributes", ".github", ".gitignore"];

/** `name` is the model's; it is for people only. Also says which files the statement leaves out. */
export function modelSigningStatement(manifest: Manifest, name: string) {
  const ignored = (path: string): boolean => ignoredPaths.includes(path.split("/", 1)[0] ?? "");
  const stated = inOrderOfParts(manifest.entries.filter(({ path }) => !ignored(path)));
  if (stated.length === 0) {
    throw new QuipuError("DATA_INVALID", `${name} has no file that model-signing would sign`, {
      next: "use --format quipu",
    });
  }
  const subject = createHash("sha256");
  for (const { sha256 } of stated) subject.update(sha256, "hex");
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name, digest: { sha256: subject.digest("hex") } }],
    predicateType: "https://model_signing/signature/v1.0",
    predicate: {
      serialization: {
        method: "files",
        hash_type: "sha256",
        allow_symlinks: false,
        ignore_paths: ignoredPaths,
      },
      resources: stated.map(({ path, sha256 }) => ({
        name: path,
        algorithm: "sha256",
        digest: sha256,
      })),
    },
  };
  const leftOut = manifest.entries.map(({ path }) => path).filter(ignored);
  return { statement, leftOut };
}

/** No name holds a zero byte; in place of the slash it sorts a part before every longer one. */
function inOrderOfParts<Entry extends { readonly path: string }>(entries: readonly Entry[]) {
  return entries
    .map((entry) => ({ entry, key: Buffer.from(entry.path.replaceAll("/", "\0")) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ entry }) => entry);
}
