/** Golden vectors of reductions, cumulative sums, softmax and normalisation: their cases. */
import {
  byWord,
  floatBits,
  floatsBy,
  given,
  type Operand,
  type OperatorVector,
} from "./canonical-elements.js";
import { operatorVector } from "./canonical-operators.js";
import type { Formula } from "./canonical-reference.js";

const names: readonly (readonly [number, string, Formula])[] = [
  [1, "sum", "wide"],
  [2, "product", "near"],
  [3, "maximum", "wide"],
  [4, "minimum", "wide"],
  [5, "sum of squares", "unit"],
];
const places: readonly (readonly [number, string, Formula])[] = [
  [11, "first maximum", "bits"],
  [12, "last maximum", "bits"],
  [13, "first minimum", "bits"],
  [14, "last minimum", "bits"],
];

/** Rows of four: zeros of both signs, NaN, infinities, subnormals, sums that cancel. */
const rows = [
  "80000000 80000000 80000000 80000000",
  "00000000 80000000 00000000 80000000",
  "80000000 00000000 80000000 00000000",
  "7fc00000 3f800000 ffc12345 bf800000",
  "3f800000 7f812345 7f800000 7fc00000",
  "7f800000 ff800000 3f800000 00000000",
  "ff800000 ff800000 ff800000 ff800000",
  "7f800000 7f800000 00000000 80000000",
  "00000001 80000001 00000001 007fffff",
  "00800000 807fffff 80000001 00000000",
  "7f7fffff 7f7fffff ff7fffff ff7fffff",
  "4b800000 3f800000 3f800000 cb800000",
  "1f800000 9f800000 1f800001 20000000",
  "3f800000 3f800000 40000000 40000000",
];
const special = floatBits(rows.join(" "));

export function reductionVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const add = (code: number, name: string, sizes: readonly number[], x: Operand) => {
    vectors.push(operatorVector(name, "reduce", [code, ...sizes], [x]));
  };
  for (const length of [0, 1, 63, 64, 65, 4095, 4096, 4097, 12289]) {
    for (const [code, name, formula] of length === 0 ? names : [...names, ...places]) {
      const x = floatsBy(formula, 30_000 + length + code, length);
      add(code, `${name} of ${length}`, [1, length, 1], x);
    }
  }
  for (const [code, name, formula] of [...names, ...places]) {
    for (const [outer, length, inner] of [
      [3, 5, 33],
      [2, 65, 17],
      [1, 4097, 3],
    ] as const) {
      const x = floatsBy(formula, 31_000 + length + code, outer * length * inner);
      add(code, `${name}, ${outer}x${length}x${inner}`, [outer, length, inner], x);
    }
    add(code, `${name} of special values`, [rows.length, 4, 1], special);
    add(code, `${name} of special values, across`, [1, rows.length, 4], special);
  }
  for (const dtype of ["int64", "int32"] as const) {
    for (const [code, name] of names) {
      add(code, `${name} of ${dtype} that wraps`, [2, 71, 3], byWord(dtype, 32_000 + code, 426));
      add(code, `${name} of no ${dtype}`, [1, 0, 2], given(dtype));
    }
  }
  return vectors;
}

export function scanVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const add = (name: string, sizes: readonly number[], x: Operand) => {
    for (const exclusive of [0, 1]) {
      for (const reverse of [0, 1]) {
        const how = `${exclusive ? ", exclusive" : ""}${reverse ? ", reverse" : ""}`;
        const words = [...sizes, exclusive, reverse];
        vectors.push(operatorVector(`${name}${how}`, "scan", words, [x]));
      }
    }
  };
  for (const [outer, length, inner] of [
    [1, 1, 1],
    [2, 65, 1],
    [2, 5, 3],
    [1, 4, 33],
  ] as const) {
    const x = floatsBy("wide", 33_000 + length, outer * length * inner);
    add(`${outer}x${length}x${inner}`, [outer, length, inner], x);
  }
  add("special values", [rows.length, 4, 1], special);
  add("special values, across", [1, rows.length, 4], special);
  add("int64", [2, 9, 2], byWord("int64", 33_500, 36));
  add("int32", [2, 9, 2], byWord("int32", 33_501, 36));
  return vectors;
}

export function softmaxVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const add = (name: string, count: number, length: number, x: Operand) => {
    for (const logarithm of [0, 1]) {
      const what = `${logarithm ? "logarithm of softmax" : "softmax"}, ${name}`;
      vectors.push(operatorVector(what, "softmax", [count, length, logarithm], [x]));
    }
  };
  for (const length of [1, 2, 63, 64, 65, 130]) {
    add(`3 rows of ${length}`, 3, length, floatsBy("unit", 34_000 + length, 3 * length));
  }
  add("a row of 4097", 1, 4097, floatsBy("unit", 34_500, 4097));
  add("far apart", 5, 33, floatsBy("wide", 34_501, 165));
  add("special values", rows.length, 4, special);
  return vectors;
}

/** 0, 1e-5, and 1: as bits. */
const epsilons = [0, 0x3727c5ac, 0x3f800000] as const;

export function normaliseVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  const modes = ["plain", "scaled by place", "scaled by channel"];
  const add = (name: string, count: number, length: number, x: Operand, epsilon: number) => {
    for (const [mode, how] of modes.entries()) {
      const affine = mode === 1 ? length : 3;
      const factors = (["unit", "wide"] as const).map((formula, i) =>
        floatsBy(formula, 35_900 + length + i, affine),
      );
      const words = [count, length, epsilon, mode, mode === 2 ? 3 : 1];
      const inputs = mode === 0 ? [x] : [x, ...factors];
      vectors.push(operatorVector(`${name}, ${how}`, "normalise", words, inputs));
    }
  };
  for (const [i, length] of [1, 2, 63, 64, 65, 130].entries()) {
    const x = floatsBy(i % 2 === 0 ? "unit" : "wide", 35_000 + length, 4 * length);
    add(`4 rows of ${length}`, 4, length, x, epsilons[1]);
  }
  const row = floatsBy("unit", 35_500, 4097);
  vectors.push(operatorVector("a row of 4097", "normalise", [1, 4097, epsilons[1], 0, 1], [row]));
  add("2 rows of nothing", 2, 0, given("float32"), epsilons[1]);
  add("special values", rows.length, 4, special, epsilons[0]);
  add("special values, epsilon 1", rows.length, 4, special, epsilons[2]);
  return vectors;
}
