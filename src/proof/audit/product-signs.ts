/** Sums of a product's rows with random signs, which a wrong element cannot hide in. Pure. */
import { sha256 } from "../../base/bytes.js";
import { lanes, multiply, type Slow } from "./matrix.js";
import type { Limits, Product } from "./product-limits.js";

/** The largest residual of rows that take part, as a part of its bound; a label for each lane, or fewer. */
export function* worstOfSigns(
  { a, b, c }: Product,
  { bounds, columns }: Limits,
  labels: readonly string[],
): Slow<number> {
  const signs = new Float64Array(columns.length * lanes);
  for (const [lane, label] of labels.entries()) drawSigns(signs, lane, columns, label);
  const right = yield* multiply(a, yield* multiply(b, signs));
  const claimed = yield* multiply(c, signs);
  let worst = 0;
  for (let at = 0; at < right.length; at += 1) {
    const bound = bounds[Math.floor(at / lanes)] as number;
    const residual = Math.abs((right[at] as number) - (claimed[at] as number));
    // Where it is 0, so is all there is; NaN of a row that is left out.
    if (bound > 0) worst = Math.max(worst, residual / bound);
  }
  return worst;
}

/** 1 or -1 by the bits of SHA-256 over label and a counter; 0 of columns that are left out. */
function drawSigns(signs: Float64Array, lane: number, columns: Float64Array, label: string): void {
  const encoder = new TextEncoder();
  let bits: Uint8Array = new Uint8Array();
  for (let column = 0; column < columns.length; column += 1) {
    const bit = column % 256;
    if (bit === 0) bits = sha256(encoder.encode(`${label}/${column / 256}`));
    const isSet = (((bits[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
    signs[column * lanes + lane] = (columns[column] as number) * (isSet ? 1 : -1);
  }
}
