/** An option that is a whole number. */
import { QuipuError } from "../base/errors.js";

const digits = /^\d{1,16}$/;

export function wholeNumber(
  given: unknown,
  flag: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const number = digits.test(String(given)) ? Number(given) : Number.NaN;
  if (number >= least && number <= most) return number;
  const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `from ${least} on`;
  throw new QuipuError("USAGE", `${flag} takes a whole number ${range}, not ${given}`, {
    next: `write ${flag} ${Math.max(least, 1)}`,
  });
}
