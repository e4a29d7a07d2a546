/** The `Range` header (RFC 9110 §14.2), as far as one range goes. */

/** Half open. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Undefined means the whole: no range, several ranges, or a header that is not one, which a server is
 * free to pass over.
 */
export function spanOf(
  header: string | undefined,
  sizeBytes: number,
): ByteSpan | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const suffix = Math.min(Number(last), sizeBytes);
    return suffix === 0 ? "unsatisfiable" : { start: sizeBytes - suffix, end: sizeBytes };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= sizeBytes) return "unsatisfiable";
  return { start, end: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}
