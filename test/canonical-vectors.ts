/**
 * The golden vectors of `canonical-1`: their cases, their form, and their generator.
 * `node dist/test/canonical-vectors.js` writes test/vectors/canonical-1; the tests make them again and
 * compare, so that neither side can drift. An outsider needs only the JSON and docs/arithmetic.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { OperatorVector } from "./canonical-elements.js";
import { type FunctionVector, functionVectors } from "./canonical-function-vectors.js";
import { type OperatorFile, operatorFiles } from "./canonical-operator-vectors.js";
import {
  byFormula,
  canonical,
  fromBitText,
  inputOf,
  matmulExact,
  toBitText,
  topKExact,
  type VectorInput,
} from "./canonical-reference.js";

export interface MatmulVector {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: VectorInput;
  readonly b: VectorInput;
  readonly c: string;
}

export interface ElementwiseVector {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly sum: string;
  readonly product: string;
}

export interface TopKVector {
  readonly name: string;
  readonly row: string;
  readonly k: number;
  readonly largest: boolean;
  readonly indices: readonly number[];
  readonly values: string;
}

interface VectorFile<Vector> {
  readonly arithmetic: "canonical-1";
  readonly vectors: readonly Vector[];
}

export interface Vectors {
  readonly matmul: VectorFile<MatmulVector>;
  readonly elementwise: VectorFile<ElementwiseVector>;
  readonly topk: VectorFile<TopKVector>;
  readonly functions: VectorFile<FunctionVector>;
}

export type OperatorVectors = Readonly<Record<OperatorFile, VectorFile<OperatorVector>>>;

export const vectorFolder = join("test", "vectors", "canonical-1");

const read = (name: string) => JSON.parse(readFileSync(join(vectorFolder, `${name}.json`), "utf8"));

export function readVectors(): Vectors {
  return {
    ...{ matmul: read("matmul"), elementwise: read("elementwise"), topk: read("topk") },
    functions: read("functions"),
  };
}

const operatorNames = Object.keys(operatorFiles) as OperatorFile[];

export function readOperatorVectors(): OperatorVectors {
  return Object.fromEntries(operatorNames.map((name) => [name, read(name)])) as OperatorVectors;
}

export function makeOperatorVectors(): OperatorVectors {
  const make = (name: OperatorFile): VectorFile<OperatorVector> => {
    return { arithmetic: "canonical-1", vectors: operatorFiles[name]() };
  };
  return Object.fromEntries(operatorNames.map((name) => [name, make(name)])) as OperatorVectors;
}

const sizes: readonly (readonly [number, number, number])[] = [
  [3, 5, 0],
  [1, 1, 1],
  [5, 3, 7],
  [2, 9, 255],
  [15, 33, 256],
  [7, 17, 257],
  [13, 31, 513],
  [1, 49, 600],
  [29, 1, 600],
];

const special =
  "00000000 80000000 00000001 80000001 007fffff 00800000 3f800000 bf800000 7f7fffff ff7fffff " +
  "7f800000 ff800000 7fc00000 ffc12345 7f812345";

export function makeVectors(): Vectors {
  return {
    matmul: { arithmetic: "canonical-1", vectors: matmulVectors() },
    elementwise: { arithmetic: "canonical-1", vectors: elementwiseVectors() },
    topk: { arithmetic: "canonical-1", vectors: topKVectors() },
    functions: { arithmetic: "canonical-1", vectors: functionVectors() },
  };
}

function matmulVectors(): MatmulVector[] {
  const vectors: MatmulVector[] = [];
  const add = (name: string, m: number, n: number, k: number, a: VectorInput, b: VectorInput) => {
    const c = matmulExact(inputOf(a, m * k), inputOf(b, k * n), m, n, k);
    vectors.push({ name, m, n, k, a, b, c: toBitText(c) });
  };
  for (const [index, [m, n, k]] of sizes.entries()) {
    const seed = 1000 + index * 10;
    add(
      `unit ${m}x${n}x${k}`,
      m,
      n,
      k,
      { formula: "unit", seed },
      { formula: "unit", seed: seed + 1 },
    );
  }
  add("cancellation", 3, 7, 300, { formula: "wide", seed: 1 }, { formula: "wide", seed: 2 });
  add("subnormal products", 5, 7, 259, { formula: "tiny", seed: 3 }, { formula: "tiny", seed: 4 });
  add("any bits", 9, 11, 5, { formula: "bits", seed: 5 }, { formula: "bits", seed: 6 });
  // Outer products of all special values, and a product that rounds to -0: no step may be added.
  const all = special.replaceAll(" ", "");
  const count = all.length / 8;
  add("special values", count, count, 1, { bits: all }, { bits: all });
  add("a sum that is -0", 1, 1, 1, { bits: "80000001" }, { bits: "00000001" });
  add(
    "infinity minus infinity",
    1,
    1,
    2,
    { bits: "7f8000007f800000" },
    { bits: "3f800000bf800000" },
  );
  // 2^24 + 1 + … : the 1s survive only in the second block, whose sum starts again from +0.
  const ones = "3f800000".repeat(258);
  add("block sums", 1, 1, 258, { bits: ones }, { bits: `4b800000${ones.slice(8)}` });
  return vectors;
}

function elementwiseVectors(): ElementwiseVector[] {
  const words = special.split(" ");
  const pairs = words.flatMap((x) => words.map((y) => [x, y] as const));
  return [
    elementwise(
      "special values",
      fromBitText(pairs.map(([x]) => x).join("")),
      fromBitText(pairs.map(([, y]) => y).join("")),
    ),
    elementwise("any bits", byFormula("bits", 7, 133), byFormula("bits", 8, 133)),
    elementwise("unit", byFormula("unit", 9, 67), byFormula("unit", 10, 67)),
  ];
}

function elementwise(name: string, a: Float32Array, b: Float32Array): ElementwiseVector {
  // A binary64 sum or product of two binary32 rounds to binary32 as the exact one does.
  const sum = canonical(Float32Array.from(a, (x, i) => x + (b[i] as number)));
  const product = canonical(Float32Array.from(a, (x, i) => x * (b[i] as number)));
  return {
    name,
    a: toBitText(a),
    b: toBitText(b),
    sum: toBitText(sum),
    product: toBitText(product),
  };
}

function topKVectors(): TopKVector[] {
  const vectors: TopKVector[] = [];
  const add = (name: string, row: Float32Array<ArrayBuffer>, k: number) => {
    for (const largest of [true, false]) {
      const indices = topKExact(row, k, largest);
      const bits = new Uint32Array(row.buffer);
      const picked = Uint32Array.from(indices, (index) => bits[index] as number);
      const values = toBitText(canonical(new Float32Array(picked.buffer)));
      vectors.push({ name, row: toBitText(row), k, largest, indices, values });
    }
  };
  const specials = fromBitText(special.replaceAll(" ", ""));
  add("special values", specials, specials.length);
  add(
    "ties",
    Float32Array.from({ length: 41 }, (_, i) => [1, 0, -0, 2][i % 4] as number),
    15,
  );
  add("any bits", byFormula("bits", 11, 300), 70);
  add("unit", byFormula("unit", 12, 101), 1);
  add("nothing", byFormula("unit", 13, 5), 0);
  return vectors;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, file] of Object.entries({ ...makeVectors(), ...makeOperatorVectors() })) {
    writeFileSync(join(vectorFolder, `${name}.json`), `${JSON.stringify(file, null, 1)}\n`);
  }
}
