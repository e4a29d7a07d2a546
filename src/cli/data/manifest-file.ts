/**
 * A manifest that was read from somewhere, checked before anything is believed of it: its size, its shape,
 * paths that stay inside the folder, sorted and without repeats, the root recomputed from its entries, and that
 * its bytes are the canonical ones: members that come twice, for one, would be read otherwise by others.
 */
import { type Digest, digestOf, equalBytes, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { MerkleFrontier } from "../../compute/native/hashing.js";
import {
  compareEntries,
  type Manifest,
  type ManifestEntry,
  manifestBytes,
  manifestBytesMax,
  manifestLeaf,
} from "../../model/manifest.js";
import { entryShape, manifestShape } from "../../model/manifest-shape.js";

/** The manifest and its digest; `name` stands in messages. A line end after the document is no fault. */
export async function parseManifest(
  bytes: Uint8Array,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly manifest: Manifest; readonly digest: Digest }> {
  const body = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
  if (body.length > manifestBytesMax) throw tooLarge(name, `more than ${manifestBytesMax} bytes`);
  const manifest = shaped(parsedJson(body, name), name);
  const tree = new MerkleFrontier();
  await tree.appendAsync(manifest.entries.map(manifestLeaf), { signal });
  if (toHex(tree.root()) !== manifest.merkleRoot) {
    throw invalid(name, "its merkleRoot is not that of its entries");
  }
  if (!equalBytes(body, manifestBytes(manifest))) {
    throw invalid(name, "it is not canonical JSON (RFC 8785)");
  }
  return { manifest, digest: digestOf(body) };
}

export function tooLarge(name: string, what: string): QuipuError {
  return new QuipuError("LIMIT_EXCEEDED", `${name} has ${what}`, {
    next: "no manifest is so large: check the path",
  });
}

function parsedJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw invalid(name, `it is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

function shaped(value: unknown, name: string): Manifest {
  const outer = manifestShape.safeParse(value);
  const [fault] = outer.error?.issues ?? [];
  if (fault?.code === "too_big") throw tooLarge(name, `more than ${fault.maximum} entries`);
  if (!outer.success) throw invalid(name, faultText("", fault));
  const entries = outer.data.entries.map((entry, at) => {
    const inner = entryShape.safeParse(entry);
    if (inner.success) return inner.data;
    throw invalid(name, faultText(`entries[${at}]`, inner.error.issues[0]));
  });
  refuseDisorder(entries, name);
  return { ...outer.data, entries };
}

function refuseDisorder(entries: readonly ManifestEntry[], name: string): void {
  entries.forEach((entry, at) => {
    const before = entries[at - 1];
    if (before === undefined || compareEntries(before, entry) < 0) return;
    const why = before.path === entry.path ? "repeats a path" : "is not in the order of its bytes";
    throw invalid(name, `entries[${at}].path ${why}: ${JSON.stringify(entry.path)}`);
  });
}

function faultText(
  at: string,
  fault: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined,
): string {
  const place = [at, ...(fault?.path ?? []).map(String)].filter((part) => part !== "").join(".");
  return place === "" ? `${fault?.message}` : `${place}: ${fault?.message}`;
}

function invalid(name: string, why: string): QuipuError {
  return new QuipuError("DATA_INVALID", `${name} is no manifest: ${why}`, {
    next: "write one with `quipu data manifest FOLDER --to FILE`",
  });
}
