/** Maps of `canonical-1` a second time: an expression of numbered functions, element by element. */
import { type DType, dtypeOf } from "../src/compute/tensor/dtype.js";
import { casts } from "./canonical-casts.js";
import {
  type Element,
  type Elements,
  elementOf,
  greaterOf,
  lesserOf,
  type Words,
  wrap,
} from "./canonical-elements.js";
import { f32Functions } from "./canonical-function-vectors.js";
import { dot, indicesOf } from "./canonical-moves.js";

export interface MapFunction {
  readonly name: string;
  readonly result: DType;
  readonly operands: readonly DType[];
  readonly compute: (...operands: Element[]) => Element;
}

const truth = (holds: boolean): bigint => (holds ? 1n : 0n);
/** Of integers, and of binary32 in IEEE 754's sense: no comparison with NaN holds. */
const comparisons: readonly (readonly [string, MapFunction["compute"]])[] = [
  ["equal", (a, b) => truth(a === b)],
  ["less", (a, b) => truth((a as number) < (b as number))],
  ["less_or_equal", (a, b) => truth((a as number) <= (b as number))],
];
const select: MapFunction["compute"] = (which, a, b) => (which === 1n ? a : b) as Element;

/** Towards zero; by 0 it is 0. */
const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b);
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a % b);

/** With the sign of the divisor. */
function modulo(a: bigint, b: bigint): bigint {
  const rest = remainder(a, b);
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

function power(dtype: DType, base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) {
    if (base === 1n) return 1n;
    return base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  }
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest % 2n === 1n) result = wrap(dtype, result * square);
    square = wrap(dtype, square * square);
  }
  return result;
}

type OfIntegers = (a: bigint, b: bigint, dtype: DType) => bigint;
const unaryOfIntegers: readonly (readonly [string, OfIntegers])[] = [
  ["negate", (a) => -a],
  ["absolute", (a) => (a < 0n ? -a : a)],
  ["sign", (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n)],
];
const binaryOfIntegers: readonly (readonly [string, OfIntegers])[] = [
  ["add", (a, b) => a + b],
  ["subtract", (a, b) => a - b],
  ["multiply", (a, b) => a * b],
  ["divide", quotient],
  ["remainder", remainder],
  ["modulo", modulo],
  ["minimum", lesserOf],
  ["maximum", greaterOf],
  ["power", (a, b, dtype) => power(dtype, a, b)],
];
const ofBools: readonly (readonly [string, (a: bigint, b: bigint) => bigint])[] = [
  ["and", (a, b) => a & b],
  ["or", (a, b) => a | b],
  ["xor", (a, b) => a ^ b],
];

/** By the numbers of flat programs. */
export const mapFunctions = new Map<number, MapFunction>();

function addFamily(first: number, family: readonly MapFunction[]): void {
  for (const [index, of] of family.entries()) mapFunctions.set(first + index, of);
}

function addIntegers(first: number, dtype: DType): void {
  const suffix = dtype === "int64" ? "i64" : "i32";
  const wrapping = (count: number) => {
    return ([name, compute]: readonly [string, OfIntegers]): MapFunction => ({
      name: `${name}_${suffix}`,
      result: dtype,
      operands: Array<DType>(count).fill(dtype),
      compute: (a, b) => wrap(dtype, compute(a as bigint, b as bigint, dtype)),
    });
  };
  addFamily(first, unaryOfIntegers.map(wrapping(1)));
  addFamily(first + 3, binaryOfIntegers.map(wrapping(2)));
  addComparisons(first + 12, suffix, dtype, comparisons);
  addSelect(first + 15, suffix, dtype);
}

function addComparisons(
  first: number,
  suffix: string,
  dtype: DType,
  family: typeof comparisons,
): void {
  const operands: DType[] = [dtype, dtype];
  addFamily(
    first,
    family.map(([name, compute]) => ({
      ...{ name: `${name}_${suffix}`, result: "bool", operands, compute },
    })),
  );
}

function addSelect(number: number, suffix: string, dtype: DType): void {
  const operands: DType[] = ["bool", dtype, dtype];
  addFamily(number, [{ name: `select_${suffix}`, result: dtype, operands, compute: select }]);
}

for (const [number, name, compute] of f32Functions) {
  const operands = Array<DType>(number < 40 ? 1 : number < 60 ? 2 : 3).fill("float32");
  const of = compute as MapFunction["compute"];
  addFamily(number, [{ name: `${name}_f32`, result: "float32", operands, compute: of }]);
}
addComparisons(50, "f32", "float32", comparisons);
addFamily(53, [
  {
    ...{ name: "is_nan_f32", result: "bool", operands: ["float32"] },
    compute: (x) => truth(Number.isNaN(x)),
  },
  {
    ...{ name: "is_infinite_f32", result: "bool", operands: ["float32"] },
    compute: (x) => truth(x === Infinity || x === -Infinity),
  },
]);
addSelect(61, "f32", "float32");
addIntegers(100, "int64");
addIntegers(130, "int32");
addFamily(
  160,
  ofBools.map(([name, compute]) => ({
    ...{ name: `${name}_bool`, result: "bool", operands: ["bool", "bool"] },
    compute: (a, b) => compute(a as bigint, b as bigint),
  })),
);
addFamily(163, [
  {
    ...{ name: "not_bool", result: "bool", operands: ["bool"] },
    compute: (a) => 1n - (a as bigint),
  },
]);
addComparisons(164, "bool", "bool", comparisons.slice(0, 1));
addSelect(165, "bool", "bool");
for (const [number, name, from, result, compute] of casts) {
  addFamily(number, [{ name, result, operands: [from], compute }]);
}

export function map(words: Words, inputs: readonly Elements[]): Elements[] {
  const rank = words.next();
  const shape = words.take(rank);
  const strides = inputs.map(() => words.take(rank));
  const types = inputs.map(({ dtype }) => dtype);
  const constants = Array.from({ length: words.next() }, () => {
    const [type, bits] = words.take(2);
    const dtype = dtypeOf(type as number) as DType;
    types.push(dtype);
    return elementOf(dtype, BigInt(bits as number));
  });
  const steps = Array.from({ length: words.next() }, () => {
    const word = BigInt(words.next());
    const of = mapFunctions.get(Number(word & 0xffffn)) as MapFunction;
    types.push(of.result);
    const registers = of.operands.map((_, at) => Number((word >> BigInt(16 + 8 * at)) & 255n));
    return { compute: of.compute, registers };
  });
  const results = words.rest().map((register) => ({ register, values: [] as Element[] }));
  for (const index of indicesOf(shape)) {
    const registers: Element[] = inputs.map(
      ({ values }, input) => values[dot(index, strides[input] as number[])] as Element,
    );
    registers.push(...constants);
    for (const step of steps) {
      registers.push(step.compute(...step.registers.map((from) => registers[from] as Element)));
    }
    for (const { register, values } of results) values.push(registers[register] as Element);
  }
  return results.map(({ register, values }) => ({ dtype: types[register] as DType, values }));
}
