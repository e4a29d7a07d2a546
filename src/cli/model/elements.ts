/** The first elements of a tensor, as people and JSON read them. */
import { bfloat16Of, float16Of } from "../../base/float-bits.js";
import type { Tensor } from "../../compute/engine/session.js";

/** Numbers; as text what JSON has no number for. */
export type Element = number | string;

export function firstElements({ dtype, data }: Tensor, count: number): Element[] {
  return Array.from(data.subarray(0, count) as ArrayLike<number | bigint>, (element): Element => {
    if (typeof element === "bigint") {
      const number = Number(element);
      return Number.isSafeInteger(number) ? number : element.toString();
    }
    if (dtype === "float32") return float(shortest(element));
    if (dtype === "float16") return float(float16Of(element));
    if (dtype === "bfloat16") return float(shortest(bfloat16Of(element)));
    return element;
  });
}

function float(value: number): Element {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}

/** The fewest digits that are this binary32 and no other. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return Number(text);
  }
  return Number(value.toPrecision(9));
}
