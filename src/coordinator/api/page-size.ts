import { QuipuError } from "../../base/errors.js";

const rowsUsual = 100;
const rowsMax = 500;

/** How many rows a page of a list has at most, where `limit` were asked for; 0 asks for the usual. */
export function pageSize(limit: number): number {
  if (limit >= 0 && limit <= rowsMax) return limit === 0 ? rowsUsual : limit;
  throw new QuipuError("INVALID_ARGUMENT", `limit ${limit} is not from 0 to ${rowsMax}`, {
    next: "ask for fewer, and for those behind them with `after`",
  });
}
