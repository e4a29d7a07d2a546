/** Copies, gathers and scatters of `canonical-1` a second time. */
import {
  type Element,
  type Elements,
  elementOf,
  greaterOf,
  lesserOf,
  type Words,
  wrap,
} from "./canonical-elements.js";
import { shared } from "./canonical-functions.js";

/** Every index below a shape, row-major. */
export function* indicesOf(shape: readonly number[]): Generator<number[]> {
  const count = shape.reduce((product, size) => product * size, 1);
  for (let number = 0; number < count; number += 1) {
    const index: number[] = [];
    let rest = number;
    for (const size of [...shape].reverse()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    yield index;
  }
}

export const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0);

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => product(shape.slice(axis + 1)));
}

export function copy(words: Words, inputs: readonly Elements[], count: number): Elements[] {
  const { dtype } = inputs[0] as Elements;
  const [, fill] = words.take(2);
  const results = Array<Element>(count).fill(elementOf(dtype, BigInt(fill as number)));
  for (const { values } of inputs) {
    const [rank, from, to] = words.take(3) as [number, number, number];
    const [shape, strides, toStrides] = [words.take(rank), words.take(rank), words.take(rank)];
    for (const index of indicesOf(shape)) {
      results[to + dot(index, toStrides)] = values[from + dot(index, strides)] as Element;
    }
  }
  return [{ dtype, values: results }];
}

/** The place on an axis that an index names; in golden vectors each names one. */
function placeOf(index: Element | undefined, size: number): number {
  const place = Number(index) + (Number(index) < 0 ? size : 0);
  if (!(place >= 0 && place < size)) throw new RangeError(`index ${index} of ${size}`);
  return place;
}

export function gather(words: Words, [data, indices]: readonly Elements[]): Elements[] {
  const [outer, axis, inner, count] = words.take(4) as [number, number, number, number];
  const { dtype, values } = data as Elements;
  const results: Element[] = [];
  for (const [o, n, i] of indicesOf([outer, count, inner]) as Generator<[number, number, number]>) {
    results.push(values[(o * axis + placeOf(indices?.values[n], axis)) * inner + i] as Element);
  }
  return [{ dtype, values: results }];
}

/** Of each index of an elementwise gather or scatter the number of the element that it names. */
function elementsNamed(words: Words, indices: Elements): number[] {
  const [axis, rank] = [words.next(), words.next()];
  const [shape, indexShape] = [words.take(rank), words.take(rank)];
  return [...indicesOf(indexShape)].map((index, number) => {
    index[axis] = placeOf(indices.values[number], shape[axis] as number);
    return dot(index, rowMajor(shape));
  });
}

export function gatherElements(words: Words, [data, indices]: readonly Elements[]): Elements[] {
  const { dtype, values } = data as Elements;
  const named = elementsNamed(words, indices as Elements);
  return [{ dtype, values: named.map((number) => values[number] as Element) }];
}

/** The number of the slice that each tuple names. */
function slicesNamed(indices: Elements, tuples: number, dims: readonly number[]): number[] {
  return Array.from({ length: tuples }, (_, tuple) =>
    dot(
      dims.map((size, d) => placeOf(indices.values[tuple * dims.length + d], size)),
      rowMajor(dims),
    ),
  );
}

export function gatherNd(words: Words, [data, indices]: readonly Elements[]): Elements[] {
  const [batch, tuples, depth, inner] = words.take(4) as [number, number, number, number];
  const dims = words.take(depth);
  const { dtype, values } = data as Elements;
  const slices = slicesNamed(indices as Elements, batch * tuples, dims);
  const results = slices.flatMap((slice, tuple) => {
    const first = (Math.floor(tuple / tuples) * product(dims) + slice) * inner;
    return values.slice(first, first + inner);
  });
  return [{ dtype, values: results }];
}

/** How an update changes an element: set, add, multiply, the greater, the lesser. */
function updated(code: number, dtype: Elements["dtype"], x: Element, update: Element): Element {
  if (code === 0) return update;
  if (typeof x === "bigint" || typeof update === "bigint") {
    const [a, b] = [x as bigint, update as bigint];
    return [a, wrap(dtype, a + b), wrap(dtype, a * b), greaterOf(a, b), lesserOf(a, b)][
      code
    ] as bigint;
  }
  const { add, multiply } = shared;
  if (code <= 2) return code === 1 ? add(x, update) : multiply(x, update);
  return code === 3 ? Math.max(x, update) : Math.min(x, update);
}

export function scatterElements(words: Words, inputs: readonly Elements[]): Elements[] {
  const [data, indices, updates] = inputs as [Elements, Elements, Elements];
  const code = words.next();
  const results = [...data.values];
  for (const [number, at] of elementsNamed(words, indices).entries()) {
    const update = updates.values[number] as Element;
    results[at] = updated(code, data.dtype, results[at] as Element, update);
  }
  return [{ dtype: data.dtype, values: results }];
}

export function scatterNd(words: Words, inputs: readonly Elements[]): Elements[] {
  const [data, indices, updates] = inputs as [Elements, Elements, Elements];
  const [code, tuples, depth, inner] = words.take(4) as [number, number, number, number];
  const results = [...data.values];
  for (const [tuple, slice] of slicesNamed(indices, tuples, words.take(depth)).entries()) {
    for (let i = 0; i < inner; i += 1) {
      const at = slice * inner + i;
      const update = updates.values[tuple * inner + i] as Element;
      results[at] = updated(code, data.dtype, results[at] as Element, update);
    }
  }
  return [{ dtype: data.dtype, values: results }];
}
