/** Gathers and scatters. */
import type { Elements } from "../elements.js";
import type { Kernel } from "./run.js";
import { dense, type Element, get, offsets, product, put, Words } from "./words.js";

/** A negative index counts from the end; a wild one is refused. */
function within(indices: Elements, at: number, size: number): number {
  const index = Number(get(indices, at));
  const from = index < 0 ? index + size : index;
  if (from < 0 || from >= size) throw new Error(`index ${index} of ${size}`);
  return from;
}

export const gather: Kernel = (wordList, [data, indices], [y]) => {
  const [outer, axis, inner, count] = wordList.map(Number) as [number, number, number, number];
  if (data === undefined || indices === undefined || y === undefined) throw new Error("operands");
  for (let row = 0; row < outer; row += 1) {
    for (let index = 0; index < count; index += 1) {
      const from = (row * axis + within(indices, index, axis)) * inner;
      for (let at = 0; at < inner; at += 1) {
        put(y, (row * count + index) * inner + at, get(data, from + at));
      }
    }
  }
};

/** Of each element of `indices` its own place in the data, with the index in place of the axis. */
function* elementPlaces(words: Words, indices: Elements): Generator<number, void> {
  const [axis, rank] = words.take(2) as [number, number];
  const [shape, indexShape] = [words.take(rank), words.take(rank)];
  words.end();
  const strides = dense(shape);
  const stride = strides[axis] as number;
  const others = strides.map((of, at) => (at === axis ? 0 : of));
  let index = 0;
  for (const offset of offsets(indexShape, others)) {
    yield offset + within(indices, index, shape[axis] as number) * stride;
    index += 1;
  }
}

export const gatherElements: Kernel = (wordList, [data, indices], [y]) => {
  if (data === undefined || indices === undefined || y === undefined) throw new Error("operands");
  let index = 0;
  for (const place of elementPlaces(new Words(wordList), indices)) {
    put(y, index, get(data, place));
    index += 1;
  }
};

function place(indices: Elements, tuple: number, dims: readonly number[]): number {
  return dims.reduce(
    (at, size, axis) => at * size + within(indices, tuple * dims.length + axis, size),
    0,
  );
}

export const gatherNd: Kernel = (wordList, [data, indices], [y]) => {
  const words = new Words(wordList);
  const [batch, tuples, depth, inner] = words.take(4) as [number, number, number, number];
  const dims = words.take(depth);
  words.end();
  if (data === undefined || indices === undefined || y === undefined) throw new Error("operands");
  for (let tuple = 0; tuple < batch * tuples; tuple += 1) {
    const before = Math.floor(tuple / tuples) * product(dims);
    const from = (before + place(indices, tuple, dims)) * inner;
    for (let at = 0; at < inner; at += 1) put(y, tuple * inner + at, get(data, from + at));
  }
};

type Combine = (old: Element, update: Element) => Element;

const combinations: readonly Combine[] = [
  (_, update) => update,
  (old, update) => (typeof old === "bigint" ? old + (update as bigint) : old + (update as number)),
  (old, update) => (typeof old === "bigint" ? old * (update as bigint) : old * (update as number)),
  (old, update) => (update > old || Number.isNaN(update) ? update : old),
  (old, update) => (update < old || Number.isNaN(update) ? update : old),
];

export const scatterElements: Kernel = (wordList, [data, indices, updates], [y]) => {
  const words = new Words(wordList);
  const combine = combinations[words.next()] as Combine;
  if (data === undefined || indices === undefined || updates === undefined) {
    throw new Error("operands");
  }
  if (y === undefined) throw new Error("operands");
  for (let at = 0; at < y.length; at += 1) put(y, at, get(data, at));
  let index = 0;
  for (const at of elementPlaces(words, indices)) {
    put(y, at, combine(get(y, at), get(updates, index)));
    index += 1;
  }
};

export const scatterNd: Kernel = (wordList, [data, indices, updates], [y]) => {
  const words = new Words(wordList);
  const combine = combinations[words.next()] as Combine;
  const [tuples, depth, inner] = words.take(3) as [number, number, number];
  const dims = words.take(depth);
  words.end();
  if (data === undefined || indices === undefined || updates === undefined) {
    throw new Error("operands");
  }
  if (y === undefined) throw new Error("operands");
  for (let at = 0; at < y.length; at += 1) put(y, at, get(data, at));
  for (let tuple = 0; tuple < tuples; tuple += 1) {
    const to = place(indices, tuple, dims) * inner;
    for (let at = 0; at < inner; at += 1) {
      put(y, to + at, combine(get(y, to + at), get(updates, tuple * inner + at)));
    }
  }
};
