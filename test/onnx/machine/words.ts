/** Takes an operator's words one after the other, and elements of arrays whatever they hold. */
import type { Elements } from "../elements.js";

export class Words {
  readonly #words: readonly bigint[];
  #at = 0;

  constructor(words: readonly bigint[]) {
    this.#words = words;
  }

  bits(): bigint {
    const word = this.#words[this.#at];
    if (word === undefined) throw new Error("the program is wrong: an operator lacks words");
    this.#at += 1;
    return word;
  }

  next(): number {
    return Number(this.bits());
  }

  take(count: number): number[] {
    return Array.from({ length: count }, () => this.next());
  }

  /** All have to be taken. */
  end(): void {
    if (this.#at === this.#words.length) return;
    throw new Error("the program is wrong: an operator has words that mean nothing");
  }
}

export type Element = number | bigint;

export function get(elements: Elements, index: number): Element {
  const element = elements[index];
  if (element === undefined)
    throw new Error(`the program reads element ${index} of ${elements.length}`);
  return element;
}

/** Rounds and wraps as the array does. */
export function put(elements: Elements, index: number, value: Element): void {
  if (index < 0 || index >= elements.length) {
    throw new Error(`the program writes element ${index} of ${elements.length}`);
  }
  (elements as { [index: number]: Element })[index] = value;
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

/** Of each position of a shape, row-major, the offset that the strides give. */
export function* offsets(
  shape: readonly number[],
  strides: readonly number[],
): Generator<number, void> {
  if (shape.includes(0)) return;
  const position = shape.map(() => 0);
  let offset = 0;
  for (;;) {
    yield offset;
    let axis = shape.length - 1;
    for (; axis >= 0; axis -= 1) {
      const stride = strides[axis] as number;
      position[axis] = (position[axis] as number) + 1;
      offset += stride;
      if (position[axis] !== shape[axis]) break;
      offset -= stride * (shape[axis] as number);
      position[axis] = 0;
    }
    if (axis < 0) return;
  }
}

export function dense(shape: readonly number[]): number[] {
  return shape.map((_, axis) => product(shape.slice(axis + 1)));
}
