/** Statements that are held of a log's entries: by the coordinator, or in a folder of receipt bundles. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { HeldSource } from "../../proof/lineage/open-leaves.js";
import {
  type Bundle,
  bundleSuffix,
  noticeKeySuffix,
  parseBundle,
} from "../../proof/receipt/bundle.js";
import { envelopeJson, keyOfEntry } from "../../proof/receipt/envelope.js";
import { leafHash } from "../../proof/tlog/hash.js";
import type { Clients } from "../coordinator-link.js";
import { keysIn, readBundle } from "../receipt/check.js";

export function heldByCoordinator({ log }: Pick<Clients, "log">, signal: AbortSignal): HeldSource {
  return async function* (first, leaves) {
    const endIndex = BigInt(first + leaves.length);
    let next: bigint | undefined = BigInt(first);
    while (next !== undefined) {
      const asked: bigint = next;
      const page = await log.listStatements({ firstIndex: asked, endIndex }, { signal });
      for (const { logIndex, envelope, publicKey } of page.statements) {
        yield { index: Number(logIndex), envelope, publicKey };
      }
      next = page.nextIndex;
      if (next !== undefined && next <= asked) {
        throw new QuipuError("DATA_INVALID", `the coordinator repeats entry ${next}`, {
          next: "ask whoever runs the coordinator",
        });
      }
    }
  };
}

/** Of each bundle only its leaf and path are kept; what it states is read again when its turn comes. */
export async function heldInFolder(folder: string): Promise<HeldSource> {
  const names = await readdir(folder).catch((thrown) => {
    throw QuipuError.ofSystem(thrown);
  });
  const paths = new Map<string, string>();
  for (const name of names.filter((one) => one.endsWith(bundleSuffix)).sort()) {
    const path = join(folder, name);
    paths.set(toHex(leafHash((await bundleIn(path)).entry)), path);
  }
  return async function* (first, leaves) {
    for (const [offset, leaf] of leaves.entries()) {
      const path = paths.get(toHex(leaf));
      if (path === undefined) continue;
      const { envelope, entry } = await bundleIn(path);
      const publicKey = keyOfEntry(entry);
      yield { index: first + offset, envelope: canonicalBytes(envelopeJson(envelope)), publicKey };
    }
  };
}

/** As whoever wrote the folder says. */
export async function noticeKeysIn(folder: string): Promise<readonly Uint8Array[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(noticeKeySuffix));
  return (await Promise.all(names.map((name) => keysIn(join(folder, name))))).flat();
}

async function bundleIn(path: string): Promise<Bundle> {
  try {
    return parseBundle(await readBundle(path));
  } catch (thrown) {
    const { code, message, next } = QuipuError.from(thrown);
    throw new QuipuError(code, `${path}: ${message}`, next === undefined ? {} : { next });
  }
}
