/** Golden vectors of maps: every function that is not in functions.json, and expressions of several steps. */
import { type DType, dtypeNumbers } from "../src/compute/tensor/dtype.js";
import {
  byWord,
  floatBits,
  floatsBy,
  given,
  type Operand,
  type OperatorVector,
} from "./canonical-elements.js";
import { edges } from "./canonical-function-vectors.js";
import { shared } from "./canonical-functions.js";
import { mapFunctions } from "./canonical-maps.js";
import { operatorVector } from "./canonical-operators.js";

/** Of a type the values where something happens. */
const special: Partial<Record<DType, Operand>> = {
  float32: floatBits(
    `${edges} 477fefff 477ff000 387fffff 38800000 33000000 33000001 337fffff 33800000 387fdfff ` +
      "387fe000 3f801000 3f803000 3f808000 3f818000 7f7f7fff 7f7f8000 00008000 00018000 " +
      "4effffff 4f000000 cf000000 cf000001 5effffff 5f000000 df000000 df000001 bfffffff 3fffffff",
  ),
  int64: given(
    "int64",
    ...[0n, 1n, -1n, 2n, -2n, 3n, -7n, 63n, 64n, 2n ** 24n + 1n, 2n ** 24n + 3n, 2n ** 31n],
    ...[
      -(2n ** 31n) - 1n,
      2n ** 32n,
      2n ** 53n + 1n,
      2n ** 54n + 2n ** 30n,
      2n ** 54n + 3n * 2n ** 30n,
    ],
    ...[2n ** 54n + 2n ** 30n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
  ),
  int32: given(
    "int32",
    ...[
      0n,
      1n,
      -1n,
      2n,
      -2n,
      3n,
      -7n,
      31n,
      32n,
      127n,
      128n,
      -129n,
      255n,
      256n,
      16777217n,
      16777219n,
    ],
    ...[2n ** 31n - 1n, -(2n ** 31n)],
  ),
  bool: given("bool", 0n, 1n),
  bfloat16: given(
    "bfloat16",
    ...[0x0000n, 0x8000n, 0x0001n, 0x8001n, 0x007fn, 0x0080n, 0x3f80n, 0xbf80n, 0x7f7fn, 0xff7fn],
    ...[0x3380n, 0x3300n, 0x477fn, 0x4780n, 0x387fn, 0x4f00n, 0xcf00n, 0x5f00n, 0xdf00n, 0xdf01n],
    ...[0x7f80n, 0xff80n, 0x7fc0n, 0x7f81n, 0xffaan],
  ),
  float16: given(
    "float16",
    ...[0x0000n, 0x8000n, 0x0001n, 0x8001n, 0x03ffn, 0x0400n, 0x3c00n, 0xbc00n, 0x7bffn, 0xfbffn],
    ...[0x7c00n, 0xfc00n, 0x7e00n, 0x7c01n, 0xfe55n],
  ),
};

function bits(operand: Operand): string[] {
  const { dtype } = operand;
  const digits = { float32: 8, int64: 16, int32: 8, bool: 2 }[dtype as "bool"] ?? 4;
  return "bits" in operand ? (operand.bits.match(new RegExp(`.{${digits}}`, "g")) ?? []) : [];
}

/** The type that functions compute in, and the cast from and to it, of a type that is only stored. */
const stored: Partial<Record<DType, readonly [DType, number, number]>> = {
  float16: ["float32", 192, 193],
  bfloat16: ["float32", 194, 195],
  uint8: ["int32", 196, 197],
  int8: ["int32", 198, 199],
};

/** Casts from one type to another, through the types that functions compute in. */
function castSteps(from: DType, to: DType): number[] {
  const [wide, widening] = stored[from] ?? [from];
  const [through, , narrowing] = stored[to] ?? [to];
  const between = [...mapFunctions].find(
    ([number, { operands, result }]) => number >= 180 && operands[0] === wide && result === through,
  );
  return [widening, wide === through ? undefined : between?.[0], narrowing].filter(
    (number) => number !== undefined,
  );
}

/** Pairs that take several steps; the others are single functions. */
function castVectors(): OperatorVector[] {
  const types = Object.keys(dtypeNumbers) as DType[];
  return types.flatMap((from, i) =>
    types.flatMap((to) => {
      const numbers = from === to ? [] : castSteps(from, to);
      if (numbers.length < 2) return [];
      const steps = numbers.map((number, register) => step(number, register));
      const words = (count: number) => [
        ...dense(count, 1),
        0,
        steps.length,
        ...steps,
        steps.length,
      ];
      const any = byWord(from, 62_000 + i, 24);
      const vectors = [operatorVector(`${from} to ${to}, any bits`, "map", words(24), [any])];
      const edge = special[from];
      if (edge === undefined || from === "bool") return vectors;
      const name = `${from} to ${to}, special values`;
      return [...vectors, operatorVector(name, "map", words(bits(edge).length), [edge])];
    }),
  );
}

/** Special values in each combination of two, at most so many. */
function combined(operands: readonly DType[], most: number): Operand[] {
  const sets = operands.map((dtype) => bits(special[dtype] as Operand));
  const all = (sets[0] as string[]).flatMap((a) => (sets[1] ?? [""]).map((b) => [a, b]));
  const step = Math.ceil(all.length / most);
  const some = all.filter((_, i) => i % step === 0);
  return operands.map((dtype, at) => ({
    dtype,
    bits: some
      .map((pair, i) => pair[at] ?? sets[at]?.[(i * 5) % (sets[at] as string[]).length])
      .join(""),
  }));
}

const dense = (count: number, inputs: number): number[] => [
  1,
  count,
  ...Array<number>(inputs).fill(1),
];
const step = (number: number, ...[a = 0, b = 0, c = 0]: number[]): number =>
  number + a * 2 ** 16 + b * 2 ** 24 + c * 2 ** 32;

/** One step over inputs that lie side by side. */
function oneStep(number: number, name: string, count: number, inputs: Operand[]): OperatorVector {
  const registers = inputs.map((_, register) => register);
  const words = [...dense(count, inputs.length), 0, 1, step(number, ...registers), inputs.length];
  return operatorVector(name, "map", words, inputs);
}

export function mapVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  for (const [number, { name, operands, result }] of mapFunctions) {
    if (number < 50 || number === 60) continue; // functions.json
    const isCast = number >= 180;
    if (special[operands[0] as DType] !== undefined) {
      const chosen = combined(operands, operands.length === 1 ? 100 : 60);
      const count = bits(chosen[0] as Operand).length;
      vectors.push(oneStep(number, `${name}, special values`, count, chosen));
    }
    const count = isCast || result !== "bool" ? 40 : 24;
    const inputs = operands.map((dtype, i) => byWord(dtype, 60_000 + number * 10 + i, count));
    vectors.push(oneStep(number, `${name}, any bits`, count, inputs));
  }
  return [...vectors, ...castVectors(), ...expressions()];
}

const constant = (x: number): number[] => [
  ...[dtypeNumbers.float32, shared.bitsOf(shared.round(x))],
];
const gelu = [
  ...[...dense(60, 1), 3, ...constant(Math.SQRT1_2), ...constant(1), ...constant(0.5), 5],
  ...[step(42, 0, 1), step(16, 4), step(40, 5, 2), step(42, 0, 6), step(42, 7, 3), 8],
];
const clip = [
  ...[...dense(60, 1), 2, ...constant(-0.5), ...constant(0.5), 2],
  ...[step(45, 0, 1), step(44, 3, 2), 4],
];
/** x · sigmoid(x), and whether that is less than x: two results of one expression. */
const swish = [...dense(60, 1), 0, 3, step(15, 0), step(42, 0, 1), step(51, 2, 0), 2, 3];
/** (a + row) · column, and 0 where that is NaN. */
const affine = [
  ...[2, 5, 7, 7, 1, 0, 1, 1, 0, 1, ...constant(0), 4],
  ...[step(40, 0, 1), step(42, 4, 2), step(53, 5), step(61, 6, 3, 5), 7],
];
const narrow = [
  ...[...dense(60, 1), 0, 4, step(193, 0), step(192, 1), step(195, 2), step(194, 3), 3, 4],
];
const { int32 } = dtypeNumbers;
/** Rounded to the nearest integer of 127 · x that int8 has. */
const quantise = [
  ...[...dense(60, 1), 3, ...constant(127), int32, 127, int32, 0xffffff80],
  ...[6, step(42, 0, 1), step(7, 4), step(181, 5), step(139, 6, 2), step(140, 7, 3), step(199, 8)],
  9,
];
const transposed = [3, 2, 3, 4, 12, 1, 3, 4, 0, 1, 0, 1, step(43, 0, 1), 2];

function expressions(): OperatorVector[] {
  const of = (name: string, words: readonly number[], ...inputs: Operand[]) =>
    operatorVector(name, "map", words, inputs);
  const wide = floatsBy("wide", 61_000, 60);
  const unit = floatsBy("unit", 61_001, 60);
  const any = byWord("float32", 61_002, 60);
  const matrix = byWord("float32", 61_003, 35);
  const [row, column] = [floatsBy("unit", 61_004, 7), floatsBy("unit", 61_005, 5)];
  const long = [floatsBy("wide", 61_008, 1031), floatsBy("unit", 61_009, 1031)];
  return [
    of("gelu in five steps", gelu, wide),
    of("gelu in five steps, any bits", gelu, any),
    of("clip", clip, unit),
    of("clip, any bits", clip, any),
    of("swish and a comparison", swish, unit),
    of("a matrix, a row and a column", affine, matrix, row, column),
    of("to float16 and bfloat16 in turn", narrow, wide),
    of("rounded to int8", quantise, unit),
    of("one element without axes", [0, 0, 1, step(2, 0), 1], given("float32", -3)),
    of("no elements", [2, 0, 7, 7, 1, 0, 1, step(2, 0), 1], given("float32")),
    of(
      "a transposed operand",
      transposed,
      floatsBy("unit", 61_006, 24),
      floatsBy("unit", 61_007, 8),
    ),
    oneStep(42, "1031 elements", 1031, long),
  ];
}
