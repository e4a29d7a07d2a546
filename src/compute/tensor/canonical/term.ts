/**
 * Elementwise expressions: what a `map` computes at one position. A term that is used twice is one
 * step, so an expression is a graph, not a tree.
 */
import { QuipuError } from "../../../base/errors.js";
import type { DType } from "../dtype.js";
import { type ComputeType, functions, suffixes } from "./functions.js";
import type { Value } from "./value.js";

export type Term =
  | { readonly kind: "read"; readonly dtype: DType; readonly value: Value }
  | { readonly kind: "constant"; readonly dtype: ComputeType; readonly number: number | bigint }
  | {
      readonly kind: "apply";
      readonly dtype: DType;
      readonly name: string;
      readonly operands: readonly Term[];
    };

export function read(value: Value): Term {
  return { kind: "read", dtype: value.dtype, value };
}

/** A number of the same type as everything around it; binary32 is rounded here, nearest even. */
export function constant(number: number | bigint, dtype: ComputeType = "float32"): Term {
  if (dtype === "float32") return { kind: "constant", dtype, number: Math.fround(Number(number)) };
  return { kind: "constant", dtype, number: BigInt(number) };
}

/** A function by its full name, such as `f32_to_i64`. */
export function applyNamed(name: string, ...operands: Term[]): Term {
  const facts = functions.get(name);
  const types = operands.map((operand) => operand.dtype);
  if (facts === undefined || facts.operands.join() !== types.join()) {
    throw new QuipuError("INTERNAL", `no elementwise function ${name}(${types.join(", ")})`);
  }
  return { kind: "apply", dtype: facts.result, name, operands };
}

/** A function by its family: the type of the last operand says which one, as in `add`. */
export function apply(family: string, ...operands: Term[]): Term {
  const last = operands.at(-1);
  if (last === undefined) throw new QuipuError("INTERNAL", `${family} without operands`);
  return applyNamed(`${family}_${suffixes[last.dtype]}`, ...operands);
}

export function hasFunction(family: string, dtype: DType): boolean {
  return functions.has(`${family}_${suffixes[dtype]}`);
}

const storageOf: Partial<Record<DType, ComputeType>> = {
  float16: "float32",
  bfloat16: "float32",
  uint8: "int32",
  int8: "int32",
};

/** The type in which elements of `dtype` are computed. */
export function computeType(dtype: DType): ComputeType {
  return storageOf[dtype] ?? (dtype as ComputeType);
}

/** The element as a number that can be computed with: storage types are widened, exactly. */
export function widen(term: Term): Term {
  const wide = storageOf[term.dtype];
  return wide === undefined ? term : applyNamed(castName(term.dtype, wide), term);
}

function castName(from: DType, to: DType): string {
  return `${suffixes[from]}_to_${suffixes[to]}`;
}

/** ONNX's Cast, step by step through the types that functions compute in. */
export function cast(term: Term, to: DType): Term {
  if (term.dtype === to) return term;
  const from = widen(term);
  const through = computeType(to);
  const converted = from.dtype === through ? from : applyNamed(castName(from.dtype, through), from);
  return converted.dtype === to ? converted : applyNamed(castName(converted.dtype, to), converted);
}
