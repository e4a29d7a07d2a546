/** Golden vectors of copies, gathers and scatters: their cases. */
import type { DType } from "../src/compute/tensor/dtype.js";
import {
  byWord,
  floatBits,
  floatsBy,
  given,
  type Operand,
  type OperatorVector,
} from "./canonical-elements.js";
import { operatorVector } from "./canonical-operators.js";

/** Of each element size a type, and all that may hold a NaN. */
const types: readonly DType[] = [
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "uint8",
  "bool",
];

interface Part {
  readonly from: number;
  readonly to: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly toStrides: readonly number[];
}

function partWords({ from, to, shape, strides, toStrides }: Part): number[] {
  return [shape.length, from, to, ...shape, ...strides, ...toStrides];
}

const reversed: Part = { from: 34, to: 0, shape: [35], strides: [-1], toStrides: [1] };
const transposed: Part = { from: 0, to: 0, shape: [7, 5], strides: [1, 7], toStrides: [5, 1] };
const back: Part = { from: 41, to: 0, shape: [3, 4], strides: [-14, -2], toStrides: [4, 1] };
const repeated: Part = {
  ...{ from: 0, to: 0, shape: [3, 4, 2], strides: [2, 0, 1], toStrides: [8, 2, 1] },
};
const inside: Part = { from: 0, to: 9, shape: [3, 5], strides: [5, 1], toStrides: [8, 1] };
const spread: Part = { from: 0, to: 1, shape: [4], strides: [1], toStrides: [3] };

export function copyVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const add = (
    name: string,
    [fill, count]: readonly [readonly [number, number], number],
    parts: readonly Part[],
    inputs: readonly Operand[],
  ) => {
    const words = [...fill, ...parts.flatMap(partWords)];
    vectors.push(operatorVector(name, "copy", words, inputs, count));
  };
  for (const [i, dtype] of types.entries()) {
    const of = (count: number) => byWord(dtype, 50_000 + i * 10, count);
    const fill = dtype === "bool" ? 1 : 0x7b;
    add(`backwards, ${dtype}`, [[0, 0], 35], [reversed], [of(35)]);
    add(`transposed, ${dtype}`, [[0, 0], 35], [transposed], [of(35)]);
    add(`backwards with steps, ${dtype}`, [[0, 0], 12], [back], [of(42)]);
    add(`repeated, ${dtype}`, [[0, 0], 24], [repeated], [of(6)]);
    add(`padded, ${dtype}`, [[1, fill], 40], [inside], [of(15)]);
    add(`between, ${dtype}`, [[1, fill], 13], [spread], [of(4)]);
  }
  add(
    "joined",
    [[0, 0], 24],
    [
      { from: 0, to: 0, shape: [4, 2], strides: [2, 1], toStrides: [6, 1] },
      { from: 0, to: 2, shape: [4, 4], strides: [4, 1], toStrides: [6, 1] },
    ],
    [floatsBy("unit", 50_900, 8), floatsBy("unit", 50_901, 16)],
  );
  // The later part stays where two write the same element.
  add(
    "one over another",
    [[1, 0x3f800000], 6],
    [
      { from: 0, to: 1, shape: [3], strides: [1], toStrides: [1] },
      { from: 0, to: 2, shape: [3], strides: [1], toStrides: [1] },
    ],
    [given("float32", 1, 2, 3), given("float32", 4, 5, 6)],
  );
  return vectors;
}

export function gatherVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  for (const [i, dtype] of types.entries()) {
    const index = (...of: number[]) => given(i % 2 === 0 ? "int64" : "int32", ...of.map(BigInt));
    const of = (count: number) => byWord(dtype, 51_000 + i * 10, count);
    const picks = index(0, -1, 2, 2, -5);
    const slots = index(4, -5, 0, -1, 3, 1, 2, -2);
    const tuples = index(0, -1, 1, 2, -2, 0, 1, -3);
    vectors.push(
      operatorVector(`gather, ${dtype}`, "gather", [2, 5, 3, 5], [of(30), picks]),
      operatorVector(`one by one, ${dtype}`, "gather", [1, 5, 1, 5], [of(5), picks]),
      operatorVector(`none, ${dtype}`, "gather", [2, 5, 3, 0], [of(30), index()]),
      operatorVector(
        `along the last axis, ${dtype}`,
        "gatherElements",
        [1, 2, 3, 5, 2, 4],
        [of(15), slots],
      ),
      operatorVector(
        `along the first axis, ${dtype}`,
        "gatherElements",
        [0, 2, 5, 3, 4, 2],
        [of(15), slots],
      ),
      operatorVector(`slices, ${dtype}`, "gatherNd", [1, 4, 2, 3, 2, 3], [of(18), tuples]),
      operatorVector(
        `elements, in two batches, ${dtype}`,
        "gatherNd",
        [2, 2, 2, 1, 2, 3],
        [of(12), tuples],
      ),
    );
  }
  return vectors;
}

/** The first so many elements of what is updated. */
type Data = (count: number) => Operand;

const scatterings = ["set", "add", "multiply", "maximum", "minimum"];

/** Where several updates meet in one element their order decides the bits. */
export function scatterVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const add = (code: number, name: string, dtype: DType, data: Data, updates: Operand) => {
    const index = (...places: number[]) => given("int64", ...places.map(BigInt));
    const slots = index(0, -1, 2, 2, -3, 2, 1, 0, -5, 4, -3, 2);
    const rows = index(1, -1, 2, -2, 1, 1);
    const what = `${scatterings[code]}, ${dtype}${name}`;
    vectors.push(
      operatorVector(
        `${what}, last axis`,
        "scatterElements",
        [code, 1, 2, 3, 5, 2, 6],
        [data(15), slots, updates],
      ),
      operatorVector(
        `${what}, first axis`,
        "scatterElements",
        [code, 0, 2, 5, 3, 6, 2],
        [data(15), slots, updates],
      ),
      operatorVector(`${what}, slices`, "scatterNd", [code, 6, 1, 2, 3], [data(6), rows, updates]),
    );
  };
  for (const [code] of scatterings.entries()) {
    const wide: Data = (count) => floatsBy("wide", 52_000, count);
    add(code, "", "float32", wide, floatsBy("wide", 52_001, 12));
    add(code, " of special values", "float32", specialData, specialUpdates);
    for (const dtype of ["int64", "int32"] as const) {
      add(code, "", dtype, (count) => byWord(dtype, 52_002, count), byWord(dtype, 52_003, 12));
    }
  }
  for (const dtype of ["float16", "uint8", "bool"] as const) {
    add(0, "", dtype, (count) => byWord(dtype, 52_004, count), byWord(dtype, 52_005, 12));
  }
  return vectors;
}

const specials =
  "80000000 00000000 7fc00000 7f800000 ff800000 00000001 80000000 00000000 3f800000 bf800000 " +
  "7f7fffff 80000001 00000000 80000000 ffc12345";
const specialData: Data = (count) => floatBits(specials.slice(0, count * 9));
const specialUpdates = floatBits(
  "00000000 80000000 7f800000 ff800000 80000000 7fc00000 3f800000 80000000 00000000 7f7fffff " +
    "80000001 3f000000",
);
