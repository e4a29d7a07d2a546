/** MatMul and Gemm: dot products, with vectors seen as matrices of one row or column. */
import { add, multiply } from "../canonical/algebra.js";
import { matmul } from "../canonical/arithmetic.js";
import { transpose } from "../canonical/layout.js";
import { constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  MatMul: (operation) => [productOf(operation, operation.float(0), operation.float(1))],
  Gemm: (operation) => [gemm(operation)],
};

/** NumPy's matmul. */
function productOf(operation: Operation, left: Value, right: Value): Value {
  const { builder } = operation;
  if (left.shape.length === 0 || right.shape.length === 0) {
    throw operation.mismatch("a scalar is no matrix");
  }
  const a = left.shape.length === 1 ? builder.reshape(left, [1, ...left.shape]) : left;
  const b = right.shape.length === 1 ? builder.reshape(right, [...right.shape, 1]) : right;
  if (a.shape.at(-1) !== b.shape.at(-2)) throw operation.mismatch("inner sizes differ");
  const leading = operation.broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const product = matmul(builder, a, b, leading);
  const shape = [...leading];
  if (left.shape.length > 1) shape.push(a.shape.at(-2) as number);
  if (right.shape.length > 1) shape.push(b.shape.at(-1) as number);
  return builder.reshape(product, shape);
}

/** alpha · A · B + beta · C: the product first, then one multiplication and one addition each. */
function gemm(operation: Operation): Value {
  const { builder } = operation;
  const operand = (index: number, flag: string): Value => {
    const value = operation.float(index);
    if (value.shape.length !== 2) throw operation.mismatch(`input ${index} is no matrix`);
    return operation.integer(flag, 0) === 0 ? value : transpose(builder, value, [1, 0]);
  };
  const product = productOf(operation, operand(0, "transA"), operand(1, "transB"));
  const scaled = (term: Term, by: number) => (by === 1 ? term : multiply(term, constant(by)));
  let result = scaled(read(product), operation.number("alpha", 1));
  const beta = operation.number("beta", 1);
  if (operation.optional(2) !== undefined && beta !== 0) {
    const added = operation.float(2);
    if (operation.broadcast(product.shape, added.shape).join() !== product.shape.join()) {
      throw operation.mismatch("C does not broadcast to the product");
    }
    result = add(result, scaled(read(added), beta));
  }
  return builder.map(product.shape, result);
}
