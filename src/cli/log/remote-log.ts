/** A log's files over plain HTTP, each bounded. */
import { QuipuError } from "../../base/errors.js";
import type { TileReader } from "../../proof/tlog/tile.js";

const fileBytesMax = 256 * 65_537; // an entry bundle of 256 entries at their largest

export function remoteFiles(address: string, signal: AbortSignal): TileReader {
  const base = `${address.replace(/\/$/, "")}/`;
  return async (path) => {
    const response = await fetch(new URL(path, base), { signal }).catch((cause: Error) => {
      throw new QuipuError("UNAVAILABLE", `${base} does not answer: ${cause.message}`, {
        next: "check the address, and whether the log is served there",
        cause,
      });
    });
    if (response.status === 404) return undefined;
    const length = Number(response.headers.get("content-length") ?? 0);
    if (!response.ok || length > fileBytesMax) {
      throw new QuipuError(
        "UNAVAILABLE",
        `${response.url} answered ${response.status}, ${length} bytes`,
        { next: "ask whoever runs the coordinator, whose log it is" },
      );
    }
    return new Uint8Array(await response.arrayBuffer());
  };
}
