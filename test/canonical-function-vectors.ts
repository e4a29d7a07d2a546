/** Golden vectors of the functions of maps that take and give binary32: their cases and their results. */
import { angles } from "./canonical-angles.js";
import { exponentials, type F32Function, nearestInteger, shared } from "./canonical-functions.js";
import { canonical, inputOf, toBitText, type VectorInput } from "./canonical-reference.js";

export interface FunctionVector {
  readonly name: string;
  /** The number in flat programs. */
  readonly function: number;
  readonly count: number;
  readonly operands: readonly VectorInput[];
  readonly result: string;
}

const { add, subtract, multiply, divide, root, fma, withSign } = shared;

function minimum(a: number, b: number): number {
  return Math.min(a, b); // NaN if one is, and -0 is less than +0
}

const sign = (x: number): number => (x === 0 || Number.isNaN(x) ? x : withSign(1, x));

export const f32Functions: readonly (readonly [number, string, F32Function])[] = [
  [1, "negate", (x = 0) => -x],
  [2, "absolute", Math.abs],
  [3, "sqrt", root],
  [4, "reciprocal", (x = 0) => divide(1, x)],
  [5, "floor", Math.floor],
  [6, "ceil", Math.ceil],
  [7, "round_even", nearestInteger],
  [8, "truncate", Math.trunc],
  [9, "sign", sign],
  [10, "exp", exponentials.exp],
  [11, "expm1", exponentials.expm1],
  [12, "log", exponentials.log],
  [13, "log1p", exponentials.log1p],
  [14, "tanh", exponentials.tanh],
  [15, "sigmoid", exponentials.sigmoid],
  [16, "erf", angles.erf],
  [17, "sin", angles.sin],
  [18, "cos", angles.cos],
  [19, "tan", angles.tan],
  [20, "asin", angles.asin],
  [21, "acos", angles.acos],
  [22, "atan", angles.atan],
  [23, "sinh", exponentials.sinh],
  [24, "cosh", exponentials.cosh],
  [25, "asinh", exponentials.asinh],
  [26, "acosh", exponentials.acosh],
  [27, "atanh", exponentials.atanh],
  [28, "softplus", exponentials.softplus],
  [29, "gelu", angles.gelu],
  [40, "add", add],
  [41, "subtract", subtract],
  [42, "multiply", multiply],
  [43, "divide", divide],
  [44, "minimum", minimum],
  [45, "maximum", (a = 0, b = 0) => Math.max(a, b)],
  [46, "power", angles.power],
  [47, "remainder", (a = 0, b = 0) => a % b],
  [60, "fused_multiply_add", fma],
];

/** Zeros, subnormals, ones, halves, ends of ranges, infinities, NaN. */
export const edges =
  "00000000 80000000 00000001 80000001 007fffff 00800000 80800000 33000001 3effffff 3f000000 bf000000 " +
  "3f333333 3f3504f3 3f400000 3f7fffff 3f800000 bf800000 3f800001 bf800001 3fc00000 40000000 c0000000 " +
  "40400000 c0400000 40490fdb 4b000001 4b7fffff 4e800000 42b17217 42b17218 c2aeac50 c2cff1b5 c1300000 " +
  "7f7fffff ff7fffff 7f800000 ff800000 7fc00000 ffc12345 7f812345";

/** What each operand is, for each kind of input. */
const inputs: readonly (readonly [string, number, (seed: number) => VectorInput])[] = [
  ["any bits", 160, (seed) => ({ formula: "bits", seed })],
  ["unit", 80, (seed) => ({ formula: "unit", seed })],
  ["wide", 120, (seed) => ({ formula: "wide", seed })],
];

/** Every special value; of two, each with a third of all. */
function specials(operands: number): readonly VectorInput[] {
  const words = edges.split(" ");
  if (operands === 1) return [{ bits: words.join("") }];
  const pairs = words.flatMap((x) => words.map((y) => [x, y] as const));
  const some = pairs.filter((_, i) => i % 3 === 0);
  const third = some.map((_, i) => words[(i * 7) % words.length]).join("");
  const pair = [some.map(([x]) => x).join(""), some.map(([, y]) => y).join("")];
  return [...pair, third].slice(0, operands).map((bits) => ({ bits }));
}

export function functionVectors(): FunctionVector[] {
  return f32Functions.flatMap(([number, name, compute]) => {
    const operands = number < 40 ? 1 : number < 60 ? 2 : 3;
    const vector = (what: string, count: number, of: readonly VectorInput[]): FunctionVector => {
      const columns = of.map((input) => inputOf(input, count));
      const result = Float32Array.from({ length: count }, (_, i) =>
        compute(...columns.map((column) => column[i] as number)),
      );
      const text = toBitText(canonical(result));
      return { name: `${name}, ${what}`, function: number, count, operands: of, result: text };
    };
    const chosen = specials(operands);
    const count = (chosen[0] as { bits: string }).bits.length / 8;
    return [
      vector("special values", count, chosen),
      ...inputs.map(([what, size, of], kind) =>
        vector(
          what,
          size,
          Array.from({ length: operands }, (_, i) => of(20_000 + number * 100 + kind * 10 + i)),
        ),
      ),
    ];
  });
}
