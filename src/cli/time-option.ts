/** An option that names a date or a time, as milliseconds since 1970; undefined where it is not given. */
import { QuipuError } from "../base/errors.js";

export function timeOf(name: string, option: unknown): number | undefined {
  if (option === undefined) return undefined;
  const ms = Date.parse(String(option));
  if (!Number.isNaN(ms)) return ms;
  throw new QuipuError("USAGE", `--${name} ${option} is no date or time`, {
    next: `write --${name} 2026-01-31, or an RFC 3339 time`,
  });
}
