/** Operators on types that are only stored: computed in a wider type, and rounded to them once. */
import { cast, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { DType } from "../dtype.js";
import { Operation, type Rule, type Rules } from "./operation.js";

export function castValue({ builder }: Operation, value: Value, to: DType): Value {
  return value.dtype === to ? value : builder.map(value.shape, cast(read(value), to));
}

function isHalf(dtype: DType): boolean {
  return dtype === "float16" || dtype === "bfloat16";
}

/** Inputs of half precision as binary32. */
export function widened(operation: Operation): Operation {
  const inputs = Array.from({ length: operation.inputCount }, (_, index) => {
    const value = operation.optional(index);
    return value && isHalf(value.dtype) ? castValue(operation, value, "float32") : value;
  });
  return new Operation(operation.builder, operation.node, inputs);
}

/** Of an operator on binary32: half precision in gives half precision out. */
function halved(rule: Rule): Rule {
  return (operation) => {
    const { dtype } = operation.input(0);
    if (!isHalf(dtype)) return rule(operation);
    return rule(widened(operation)).map((value) =>
      value.dtype === "float32" ? castValue(operation, value, dtype) : value,
    );
  };
}

export function onHalves(rules: Rules): Rules {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, halved(rule)]));
}
