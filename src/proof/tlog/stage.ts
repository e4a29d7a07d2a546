/**
 * A staged commit as bytes: the files to publish, each as uint16 path length, path, uint32 content
 * length, content. Only this log's own recovery reads it.
 */
import { concatBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { LogFile } from "./append.js";
import { isTilePath } from "./tile.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeStage(files: readonly LogFile[]): Uint8Array {
  return concatBytes(
    ...files.flatMap(({ path, content }) => {
      const name = encoder.encode(path);
      const head = new DataView(new ArrayBuffer(6));
      head.setUint16(0, name.length);
      head.setUint32(2, content.length);
      return [new Uint8Array(head.buffer), name, content];
    }),
  );
}

export function decodeStage(bytes: Uint8Array): LogFile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files: LogFile[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 6 > bytes.length) throw corrupt(at);
    const nameEnd = at + 6 + view.getUint16(at);
    const end = nameEnd + view.getUint32(at + 2);
    if (end > bytes.length) throw corrupt(at);
    const path = decoder.decode(bytes.subarray(at + 6, nameEnd));
    if (!isTilePath(path)) throw corrupt(at);
    files.push({ path, content: bytes.slice(nameEnd, end) });
    at = end;
  }
  return files;
}

function corrupt(at: number): QuipuError {
  return new QuipuError("LOG_CORRUPT", `the staged commit is damaged at byte ${at}`, {
    next: "restore the log folder from a copy; do not delete the staged file",
  });
}
