/** The first elements of a tensor, as people and JSON read them. */
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
    if (dtype === "float16") return float(half(element));
    if (dtype === "bfloat16") return float(shortest(ofBits(element << 16)));
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

function ofBits(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0] as number;
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
