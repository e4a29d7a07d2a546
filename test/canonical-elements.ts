/** Operators in golden vectors: their operands, and the bits of these. */
import type { Opcode } from "../src/compute/tensor/canonical/value.js";
import { type DType, elementBytes } from "../src/compute/tensor/dtype.js";
import {
  byFormula,
  type Formula,
  floatOf,
  mixedWord,
  type VectorInput,
} from "./canonical-reference.js";

/** Bits: two hexadecimal digits a byte of an element, most significant first. */
export interface Bits {
  readonly dtype: DType;
  readonly bits: string;
}

export type Operand =
  | Bits
  | ({ readonly dtype: DType; readonly count: number } & Exclude<VectorInput, { bits: string }>);

/** One operator, as it stands in a flat program; the meaning of `words`: docs/arithmetic.md. */
export interface OperatorVector {
  readonly name: string;
  readonly operator: Opcode;
  readonly words: readonly number[];
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Bits[];
}

/** Reads the words of an operator in their order. */
export class Words {
  #at = 0;
  constructor(readonly all: readonly number[]) {}

  next(): number {
    const word = this.all[this.#at];
    if (word === undefined) throw new RangeError("an operator lacks words");
    this.#at += 1;
    return word;
  }

  take(count: number): number[] {
    return Array.from({ length: count }, () => this.next());
  }

  nextFloat(): number {
    return floatOf(this.next());
  }

  rest(): number[] {
    return this.take(this.all.length - this.#at);
  }
}

/** binary32 as a number; integers, and the bits of 16-bit floats, as integers. */
export type Element = number | bigint;

export interface Elements {
  readonly dtype: DType;
  readonly values: readonly Element[];
}

const signed: ReadonlySet<DType> = new Set(["int8", "int32", "int64"]);
const view = new DataView(new ArrayBuffer(4));

export function wrap(dtype: DType, value: bigint): bigint {
  const width = elementBytes(dtype) * 8;
  return signed.has(dtype) ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
}

export function elementOf(dtype: DType, bits: bigint): Element {
  return dtype === "float32" ? floatOf(Number(bits)) : wrap(dtype, bits);
}

function bitsOf(dtype: DType, value: Element): bigint {
  if (typeof value === "bigint") return BigInt.asUintN(elementBytes(dtype) * 8, value);
  view.setFloat32(0, value);
  return Number.isNaN(value) ? 0x7fc00000n : BigInt(view.getUint32(0));
}

function byWords(dtype: DType, seed: number, i: number): bigint {
  if (dtype === "bool") return BigInt(mixedWord(seed, i) & 1);
  if (dtype !== "int64") {
    return BigInt.asUintN(elementBytes(dtype) * 8, BigInt(mixedWord(seed, i)));
  }
  return BigInt(mixedWord(seed, 2 * i)) | (BigInt(mixedWord(seed, 2 * i + 1)) << 32n);
}

/** The elements' bits as they are: a NaN keeps its payload, which no number in JavaScript would. */
export function operandBits(operand: Operand): bigint[] {
  const { dtype } = operand;
  if ("bits" in operand) {
    const digits = elementBytes(dtype) * 2;
    return (operand.bits.match(new RegExp(`.{${digits}}`, "g")) ?? []).map((hex) =>
      BigInt(`0x${hex}`),
    );
  }
  const { formula, seed, count } = operand;
  if (dtype === "float32") {
    return [...new Uint32Array(byFormula(formula, seed, count).buffer)].map(BigInt);
  }
  return Array.from({ length: count }, (_, i) => byWords(dtype, seed, i));
}

export function operandElements(operand: Operand): Elements {
  const { dtype } = operand;
  return { dtype, values: operandBits(operand).map((bits) => elementOf(dtype, bits)) };
}

/** With each NaN of binary32 canonical. */
export function toBits({ dtype, values }: Elements): Bits {
  const digits = elementBytes(dtype) * 2;
  const text = values.map((value) => bitsOf(dtype, value).toString(16).padStart(digits, "0"));
  return { dtype, bits: text.join("") };
}

/** Little-endian. */
export function operandBytes(operand: Operand): Uint8Array<ArrayBuffer> {
  const size = elementBytes(operand.dtype);
  const all = operandBits(operand);
  const bytes = new Uint8Array(all.length * size);
  for (const [i, bits] of all.entries()) {
    for (let byte = 0; byte < size; byte += 1) {
      bytes[i * size + byte] = Number((bits >> BigInt(8 * byte)) & 0xffn);
    }
  }
  return bytes;
}

/** The text of little-endian bytes. */
export function bytesToBits(dtype: DType, bytes: Uint8Array): string {
  const size = elementBytes(dtype);
  let text = "";
  for (let at = 0; at < bytes.length; at += size) {
    for (let byte = size - 1; byte >= 0; byte -= 1) {
      text += (bytes[at + byte] as number).toString(16).padStart(2, "0");
    }
  }
  return text;
}

export function byWord(dtype: DType, seed: number, count: number): Operand {
  return { dtype, count, formula: "bits", seed };
}

export function floatsBy(formula: Formula, seed: number, count: number): Operand {
  return { dtype: "float32", count, formula, seed };
}

export function given(dtype: DType, ...values: readonly Element[]): Bits {
  return toBits({ dtype, values });
}

/** Bits of binary32, with spaces between elements. */
export function floatBits(text: string): Bits {
  return { dtype: "float32", bits: text.replaceAll(" ", "") };
}

/** Math.max is for numbers only. */
export function greaterOf(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

export const lesserOf = (a: bigint, b: bigint): bigint => -greaterOf(-a, -b);
