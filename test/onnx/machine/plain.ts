/** Matrix products, reductions, normalisation, scans, top-k and copies. */
import type { Kernel } from "./run.js";
import { type Element, get, offsets, put, Words } from "./words.js";

export const matmul: Kernel = (wordList, [a, b], [c]) => {
  const words = new Words(wordList);
  const [m, n, k, rank] = words.take(4) as [number, number, number, number];
  const [leading, aStrides, bStrides] = [words.take(rank), words.take(rank), words.take(rank)];
  words.end();
  if (a === undefined || b === undefined || c === undefined) throw new Error("operands");
  const bAt = offsets(leading, bStrides);
  let matrix = 0;
  for (const aMatrix of offsets(leading, aStrides)) {
    const bMatrix = bAt.next().value as number;
    for (let i = 0; i < m; i += 1) {
      for (let j = 0; j < n; j += 1) {
        let sum = 0;
        for (let p = 0; p < k; p += 1) {
          const left = get(a, (aMatrix * m + i) * k + p) as number;
          sum += left * (get(b, (bMatrix * k + p) * n + j) as number);
        }
        put(c, (matrix * m + i) * n + j, sum);
      }
    }
    matrix += 1;
  }
};

type Fold = (all: readonly Element[], isInteger: boolean) => Element;

/** Sums of integers are BigInt: arrays wrap them when they are written. */
const folds: ReadonlyMap<number, Fold> = new Map([
  [1, (all, isInteger) => sum(all, isInteger)],
  [2, (all, isInteger) => all.reduce((x, y) => times(x, y), isInteger ? 1n : 1)],
  [3, (all) => all[best(all, (x, y) => x > y)] ?? Number.NEGATIVE_INFINITY],
  [4, (all) => all[best(all, (x, y) => x < y)] ?? Number.POSITIVE_INFINITY],
  [
    5,
    (all, isInteger) =>
      sum(
        all.map((x) => times(x, x)),
        isInteger,
      ),
  ],
  [11, (all) => BigInt(best(all, (x, y) => x > y))],
  [12, (all) => BigInt(best(all, (x, y) => x >= y))],
  [13, (all) => BigInt(best(all, (x, y) => x < y))],
  [14, (all) => BigInt(best(all, (x, y) => x <= y))],
]);

const times = (x: Element, y: Element): Element =>
  typeof x === "bigint" ? x * (y as bigint) : x * (y as number);
const plus = (x: Element, y: Element): Element =>
  typeof x === "bigint" ? x + (y as bigint) : x + (y as number);

function sum(all: readonly Element[], isInteger: boolean): Element {
  return all.reduce(plus, isInteger ? 0n : 0);
}

const isNan = (x: Element | undefined) => typeof x === "number" && Number.isNaN(x);

/** Index of the element that none replaces; a NaN is replaced by nothing. */
function best(all: readonly Element[], replaces: (x: Element, y: Element) => boolean): number {
  let found = 0;
  for (const [index, element] of all.entries()) {
    if (isNan(all[found])) break;
    if (index > 0 && (isNan(element) || replaces(element, all[found] as Element))) found = index;
  }
  return found;
}

/** Calls with the offsets of each row along the middle axis. */
function eachRow(
  [outer, length, inner]: readonly [number, number, number],
  take: (row: number, at: readonly number[]) => void,
): void {
  for (let row = 0; row < outer * inner; row += 1) {
    const start = Math.floor(row / inner) * length * inner + (row % inner);
    take(
      row,
      Array.from({ length }, (_, index) => start + index * inner),
    );
  }
}

export const reduce: Kernel = (wordList, [x], [y], [dtype]) => {
  const words = new Words(wordList);
  const fold = folds.get(words.next());
  const sizes = words.take(3) as [number, number, number];
  words.end();
  if (fold === undefined || x === undefined || y === undefined) throw new Error("reduction");
  const isInteger = dtype !== "float32";
  eachRow(sizes, (row, at) => {
    const all = at.map((offset) => (isInteger ? BigInt(get(x, offset)) : get(x, offset)));
    const result = fold(all, isInteger);
    put(y, row, y instanceof BigInt64Array ? result : Number(wrapped(result)));
  });
};

function wrapped(value: Element): Element {
  return typeof value === "bigint" ? BigInt.asIntN(32, value) : value;
}

export const softmax: Kernel = (wordList, [x], [y]) => {
  const [rows, length, logarithm] = wordList.map(Number) as [number, number, number];
  if (x === undefined || y === undefined) throw new Error("operands");
  for (let row = 0; row < rows; row += 1) {
    const all = Array.from({ length }, (_, index) => get(x, row * length + index) as number);
    const most = Math.max(...all);
    const total = all.reduce((so, value) => so + Math.exp(value - most), 0);
    for (const [index, value] of all.entries()) {
      const result =
        logarithm === 1 ? value - most - Math.log(total) : Math.exp(value - most) / total;
      put(y, row * length + index, result);
    }
  }
};

const scratch = new DataView(new ArrayBuffer(4));

export const normalise: Kernel = (wordList, [x, scale, bias], [y, means, inverses]) => {
  const [rows, length, epsilonBits, mode, channels] = wordList.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  scratch.setUint32(0, epsilonBits);
  const epsilon = scratch.getFloat32(0);
  if (x === undefined || y === undefined) throw new Error("operands");
  for (let row = 0; row < rows; row += 1) {
    const all = Array.from({ length }, (_, index) => get(x, row * length + index) as number);
    const mean = all.reduce((so, value) => so + value, 0) / length;
    const variance = all.reduce((so, value) => so + (value - mean) ** 2, 0) / length;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (const [index, value] of all.entries()) {
      const at = mode === 1 ? index : row % channels;
      const by = scale === undefined ? 1 : (get(scale, at) as number);
      const plusBias = bias === undefined ? 0 : (get(bias, at) as number);
      put(y, row * length + index, (value - mean) * inverse * by + plusBias);
    }
    if (means !== undefined) put(means, row, mean);
    if (inverses !== undefined) put(inverses, row, inverse);
  }
};

/** Bits of one element that no part writes, in whatever array. */
export const copy: Kernel = (wordList, reads, [y]) => {
  const words = new Words(wordList);
  const fills = words.next() === 1;
  const fill = words.bits();
  if (y === undefined) throw new Error("operands");
  const written = new Uint8Array(y.length);
  if (fills) {
    const one = new BigInt64Array([fill]);
    const bytes = new Uint8Array(one.buffer, 0, y.BYTES_PER_ELEMENT);
    const target = new Uint8Array(y.buffer, y.byteOffset, y.byteLength);
    for (let at = 0; at < target.length; at += bytes.length) target.set(bytes, at);
  }
  for (const from of reads) {
    const [rank, fromOffset, toOffset] = words.take(3) as [number, number, number];
    const [shape, fromStrides, toStrides] = [words.take(rank), words.take(rank), words.take(rank)];
    const targets = offsets(shape, toStrides);
    for (const offset of offsets(shape, fromStrides)) {
      const to = toOffset + (targets.next().value as number);
      put(y, to, get(from, fromOffset + offset));
      written[to] = 1;
    }
  }
  words.end();
  if (!fills && written.includes(0)) throw new Error("a copy leaves elements unwritten");
};

export const scan: Kernel = (wordList, [x], [y], [dtype]) => {
  const words = new Words(wordList);
  const sizes = words.take(3) as [number, number, number];
  const [exclusive, reverse] = words.take(2);
  words.end();
  if (x === undefined || y === undefined) throw new Error("operands");
  eachRow(sizes, (_, at) => {
    let total: Element = dtype === "int64" ? 0n : 0;
    for (const offset of reverse === 1 ? [...at].reverse() : at) {
      const before = total;
      total = plus(total, get(x, offset));
      put(y, offset, exclusive === 1 ? before : total);
    }
  });
};

export const topk: Kernel = (wordList, [x], [values, indices]) => {
  const [rows, length, k, largest] = wordList.map(Number) as [number, number, number, number];
  if (x === undefined || values === undefined || indices === undefined) throw new Error("operands");
  for (let row = 0; row < rows; row += 1) {
    const all = Array.from({ length }, (_, index) => get(x, row * length + index));
    const rank = (value: Element) => (isNan(value) ? Number.POSITIVE_INFINITY : Number(value));
    const order = all.map((_, index) => index);
    const less = (a: Element, b: Element) =>
      isNan(a) || isNan(b) ? Number(isNan(a)) - Number(isNan(b)) || 0 : rank(a) - rank(b) || 0;
    const way = largest === 1 ? -1 : 1;
    order.sort((a, b) => way * less(all[a] as Element, all[b] as Element) || a - b);
    for (const [place, index] of order.slice(0, k).entries()) {
      put(values, row * k + place, all[index] as Element);
      put(indices, row * k + place, BigInt(index));
    }
  }
};
