/** A row as one line of JSON, the same from every database: bytes are `{"base64":"…"}`. Frozen. */
import { fromBase64, toBase64 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";

export type Row = Readonly<Record<string, unknown>>;

export function rowText(row: Row): string {
  const values = Object.entries(row).map(([column, value]) => [column, plainValue(value)]);
  return JSON.stringify(Object.fromEntries(values));
}

export function parseRow(text: string): Row {
  const row: unknown = JSON.parse(text);
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new QuipuError("DATA_INVALID", "a line of the backup is not a row", {
      next: "restore from another backup: this one was changed after it was made",
    });
  }
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const base64 = (value as { base64?: unknown } | null)?.base64;
      return [column, typeof base64 === "string" ? fromBase64(base64) : value];
    }),
  );
}

function plainValue(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return { base64: toBase64(new Uint8Array(value)) };
  return value instanceof Uint8Array ? { base64: toBase64(value) } : value;
}
