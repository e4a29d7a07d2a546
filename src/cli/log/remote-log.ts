/** A log's files over plain HTTP, each bounded in bytes and in time. */
import { concatBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { TileReader } from "../../proof/tlog/tile.js";

const fileBytesMax = 256 * 65_537; // an entry bundle of 256 entries at their largest
const fileMsMax = 60_000;

export function remoteFiles(address: string, signal: AbortSignal): TileReader {
  const base = `${address.replace(/\/$/, "")}/`;
  if (!/^https?:/.test(base) || !URL.canParse(base)) {
    throw new QuipuError("INVALID_ARGUMENT", `${address} is no HTTP address of a log`, {
      next: "give the one that `quipu log head` shows, for example http://127.0.0.1:7400",
    });
  }
  return async (path) => {
    try {
      return await fileAt(new URL(path, base), signal);
    } catch (thrown) {
      if (thrown instanceof QuipuError) throw thrown;
      const why = `${base} does not answer: ${(thrown as Error).message}`;
      throw new QuipuError("UNAVAILABLE", why, {
        next: "check the address, and whether the log is served there",
        cause: thrown,
      });
    }
  };
}

async function fileAt(url: URL, stopped: AbortSignal): Promise<Uint8Array | undefined> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(fileMsMax)]);
  const response = await fetch(url, { signal });
  if (response.status === 404 || !response.ok) await response.body?.cancel();
  if (response.status === 404) return undefined;
  if (!response.ok) throw odd(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).length;
    if (length > fileBytesMax) throw odd(`${url} has more than ${fileBytesMax} bytes`);
  }
  return concatBytes(...chunks);
}

function odd(why: string): QuipuError {
  return new QuipuError("UNAVAILABLE", why, {
    next: "ask whoever runs the coordinator, whose log it is",
  });
}
