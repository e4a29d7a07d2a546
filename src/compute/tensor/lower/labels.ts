/** From numbers that stand for something to numbers: LabelEncoder and OneHotEncoder of ai.onnx.ml. */
import { equal } from "../canonical/algebra.js";
import { reduce } from "../canonical/arithmetic.js";
import { gather } from "../canonical/indexing.js";
import { apply, cast, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  "ai.onnx.ml.LabelEncoder": (operation) => [encoded(operation)],
  "ai.onnx.ml.OneHotEncoder": (operation) => {
    const { builder } = operation;
    const value = operation.input(0);
    const categories = operation.attribute("cats_int64s")?.integers ?? [];
    if (categories.length === 0) throw operation.unsupported("has categories that are texts");
    if (operation.integer("zeros", 1) !== 1) {
      throw operation.unsupported("fails at a category that it does not know");
    }
    const category = cast(read(builder.reshape(value, [...value.shape, 1])), "int64");
    const isHot = equal(category, read(builder.integers(categories)));
    return [builder.map([...value.shape, categories.length], cast(isHot, "float32"))];
  },
};

/** Each element is sought among all keys; behind them stands one that always fits, the default. */
function encoded(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.typed(0, "float32", "int64");
  const keys = listOf(operation, "keys", value.dtype === "float32", 0);
  const toFloats = operation.attribute("values_floats") !== undefined;
  const values = toFloats
    ? listOf(operation, "values", true, operation.number("default_float", -0))
    : listOf(operation, "values", false, operation.attribute("default_int64")?.integer ?? -1n);
  const count = sizeOf(keys.shape);
  if (sizeOf(values.shape) !== count) throw operation.wrong("does not give each key a value");
  const isLast = builder.constant("bool", [count], new Uint8Array(count).fill(1, count - 1));
  const size = sizeOf(value.shape);
  const column = builder.reshape(value, [size, 1]);
  const fits = apply("or", equal(read(column), read(keys)), read(isLast));
  const found = builder.map([size, count], cast(fits, "float32"));
  const place = reduce(builder, found, "firstMaximum", [1], false);
  return builder.reshape(gather(builder, values, place, 0), value.shape);
}

/** An attribute's numbers, and behind them one more. */
function listOf(operation: Operation, name: string, floats: boolean, last: number | bigint): Value {
  const full = `${name}_${floats ? "floats" : "int64s"}`;
  const numbers = floats ? operation.numbers(full) : operation.attribute(full)?.integers;
  if (numbers === undefined) throw operation.unsupported(`has no ${full}; texts are not encoded`);
  const all = [...numbers, last];
  return floats ? operation.builder.floats(all.map(Number)) : operation.builder.integers(all);
}
