/**
 * The elementwise functions of `canonical-1`: numbers, and the types of results and operands.
 * Frozen; native/kernels/map/functions.h is the same table in the other language.
 */
import type { DType } from "../dtype.js";

/** What functions compute in. The other types are storage: casts read and write them. */
export type ComputeType = "float32" | "int64" | "int32" | "bool";

export interface FunctionFacts {
  readonly number: number;
  readonly result: DType;
  readonly operands: readonly DType[];
}

const f = "float32";
const b = "bool";

function family(
  first: number,
  names: readonly string[],
  suffix: string,
  result: DType,
  operands: readonly DType[],
): [string, FunctionFacts][] {
  return names.map((name, index) => [
    `${name}_${suffix}`,
    { number: first + index, result, operands },
  ]);
}

/** The sixteen functions of one integer type, from `first` on. */
function integers(first: number, suffix: string, type: DType): [string, FunctionFacts][] {
  const arithmetic = [
    ...["add", "subtract", "multiply", "divide", "remainder", "modulo", "minimum", "maximum"],
    "power",
  ];
  return [
    ...family(first, ["negate", "absolute", "sign"], suffix, type, [type]),
    ...family(first + 3, arithmetic, suffix, type, [type, type]),
    ...family(first + 12, ["equal", "less", "less_or_equal"], suffix, b, [type, type]),
    ...family(first + 15, ["select"], suffix, type, [b, type, type]),
  ];
}

function cast(number: number, name: string, result: DType, operand: DType) {
  return [name, { number, result, operands: [operand] }] as [string, FunctionFacts];
}

const unary = [
  ...["negate", "absolute", "sqrt", "reciprocal", "floor", "ceil", "round_even", "truncate"],
  ...["sign", "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf", "sin", "cos", "tan"],
  ...["asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "softplus"],
  "gelu",
];

const binary = [
  ...["add", "subtract", "multiply", "divide", "minimum", "maximum", "power", "remainder"],
];

export const functions: ReadonlyMap<string, FunctionFacts> = new Map([
  ...family(1, unary, "f32", f, [f]),
  ...family(40, binary, "f32", f, [f, f]),
  ...family(50, ["equal", "less", "less_or_equal"], "f32", b, [f, f]),
  ...family(53, ["is_nan", "is_infinite"], "f32", b, [f]),
  ...family(60, ["fused_multiply_add"], "f32", f, [f, f, f]),
  ...family(61, ["select"], "f32", f, [b, f, f]),
  ...integers(100, "i64", "int64"),
  ...integers(130, "i32", "int32"),
  ...family(160, ["and", "or", "xor"], "bool", b, [b, b]),
  ...family(163, ["not"], "bool", b, [b]),
  ...family(164, ["equal"], "bool", b, [b, b]),
  ...family(165, ["select"], "bool", b, [b, b, b]),
  cast(180, "f32_to_i64", "int64", f),
  cast(181, "f32_to_i32", "int32", f),
  cast(182, "f32_to_bool", b, f),
  cast(183, "i64_to_f32", f, "int64"),
  cast(184, "i32_to_f32", f, "int32"),
  cast(185, "bool_to_f32", f, b),
  cast(186, "i64_to_i32", "int32", "int64"),
  cast(187, "i32_to_i64", "int64", "int32"),
  cast(188, "i64_to_bool", b, "int64"),
  cast(189, "i32_to_bool", b, "int32"),
  cast(190, "bool_to_i64", "int64", b),
  cast(191, "bool_to_i32", "int32", b),
  cast(192, "f16_to_f32", f, "float16"),
  cast(193, "f32_to_f16", "float16", f),
  cast(194, "bf16_to_f32", f, "bfloat16"),
  cast(195, "f32_to_bf16", "bfloat16", f),
  cast(196, "u8_to_i32", "int32", "uint8"),
  cast(197, "i32_to_u8", "uint8", "int32"),
  cast(198, "i8_to_i32", "int32", "int8"),
  cast(199, "i32_to_i8", "int8", "int32"),
]);

/** How function names end, by the type that they compute in or cast. */
export const suffixes: Readonly<Record<DType, string>> = {
  float32: "f32",
  int64: "i64",
  int32: "i32",
  bool: "bool",
  float16: "f16",
  bfloat16: "bf16",
  uint8: "u8",
  int8: "i8",
};
