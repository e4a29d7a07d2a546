import { QuipuError } from "../../base/errors.js";

/** How many rows a page has at most, where `limit` were asked for; 0 asks for as many as is usual. */
export function pageSize(limit: number, usual = 100, max = 500): number {
  if (limit >= 0 && limit <= max) return limit === 0 ? usual : limit;
  throw new QuipuError("INVALID_ARGUMENT", `limit ${limit} is not from 0 to ${max}`, {
    next: "ask for fewer, and then for those behind them",
  });
}
