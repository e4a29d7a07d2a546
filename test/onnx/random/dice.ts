/** Random shapes, attributes and tensors of a seed. */
import { type Random, randomInteger, seededRandom } from "../../../src/base/random.js";
import { sizeOf } from "../../../src/compute/tensor/dtype.js";
import type { HeldTensor } from "../elements.js";

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** From `least` to `most`, both among them. */
  integer(least: number, most: number): number {
    return least + randomInteger(this.#random, most - least + 1);
  }

  chance(percent: number): boolean {
    return this.integer(1, 100) <= percent;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)] as T;
  }

  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  shape(rankLeast: number, rankMost: number, sizeMost = 6): number[] {
    return this.times(this.integer(rankLeast, rankMost), () => this.integer(1, sizeMost));
  }

  /** Some of 0 … count - 1, ascending, at least one. */
  some(count: number): number[] {
    const all = this.times(count, (index) => index);
    const chosen = all.filter(() => this.chance(50));
    return chosen.length > 0 ? chosen : [this.pick(all)];
  }

  shuffled<T>(all: readonly T[]): T[] {
    const rest = [...all];
    return all.map(() => rest.splice(this.integer(0, rest.length - 1), 1)[0] as T);
  }

  /** The axis itself, or counted from the end. */
  signed(axis: number, rank: number): number {
    return this.chance(50) ? axis : axis - rank;
  }

  /** Two decimals in [-range, range]. */
  real(range: number): number {
    return this.integer(-100 * range, 100 * range) / 100;
  }

  floats(name: string, shape: readonly number[], range = 3): HeldTensor {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => this.#float(range));
    return { name, dtype: "float32", shape, data };
  }

  /** Zeros of both signs, infinities, NaN and subnormals among them. */
  wildFloats(name: string, shape: readonly number[]): HeldTensor {
    const wild = [0, -0, Number.NaN, 1e-40, -1e-45, 1e30, -1e30];
    wild.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const data = Float32Array.from({ length: sizeOf(shape) }, () =>
      this.chance(15) ? this.pick(wild) : this.#float(5),
    );
    return { name, dtype: "float32", shape, data };
  }

  int64s(name: string, shape: readonly number[], least: number, most: number): HeldTensor {
    const data = BigInt64Array.from({ length: sizeOf(shape) }, () =>
      BigInt(this.integer(least, most)),
    );
    return { name, dtype: "int64", shape, data };
  }

  int32s(name: string, shape: readonly number[], least: number, most: number): HeldTensor {
    const data = Int32Array.from({ length: sizeOf(shape) }, () => this.integer(least, most));
    return { name, dtype: "int32", shape, data };
  }

  bools(name: string, shape: readonly number[]): HeldTensor {
    const data = Uint8Array.from({ length: sizeOf(shape) }, () => this.integer(0, 1));
    return { name, dtype: "bool", shape, data };
  }

  #float(range: number): number {
    return (this.integer(-(2 ** 20), 2 ** 20) / 2 ** 20) * range;
  }
}

export function whole(name: string, values: readonly number[]): HeldTensor {
  const data = BigInt64Array.from(values, BigInt);
  return { name, dtype: "int64", shape: [values.length], data };
}

/** Floats made of others. */
export function changed(tensor: HeldTensor, change: (value: number) => number): HeldTensor {
  const values = Array.from(tensor.data as ArrayLike<number | bigint>, (value) =>
    change(Number(value)),
  );
  return { ...tensor, data: Float32Array.from(values) };
}
