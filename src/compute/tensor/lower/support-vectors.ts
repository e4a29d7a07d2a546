/** SVMRegressor of ai.onnx.ml: the weighted likeness of each sample to the support vectors. */
import { add, less, multiply, select, subtract } from "../canonical/algebra.js";
import { matmul, reduce } from "../canonical/arithmetic.js";
import { transpose } from "../canonical/layout.js";
import { apply, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";
import { checkSingle, features } from "./scores.js";

export const rules: Rules = { "ai.onnx.ml.SVMRegressor": (operation) => [regressed(operation)] };

/** Without support vectors the coefficients weigh the features themselves. */
function regressed(operation: Operation): Value {
  const { builder } = operation;
  checkSingle(operation);
  const rows = features(operation);
  const count = operation.integer("n_supports", 0);
  const likeness = count === 0 ? rows : likenesses(operation, rows, count);
  const coefficients = operation.numbers("coefficients") ?? [];
  if (coefficients.length !== likeness.shape[1]) {
    throw operation.mismatch(`${coefficients.length} coefficients for ${likeness.shape[1]}`);
  }
  const weights = builder.floats(coefficients, [coefficients.length, 1]);
  const sum = matmul(builder, likeness, weights, []);
  const [rho = 0] = operation.numbers("rho") ?? [];
  const score = add(read(sum), constant(rho));
  if (operation.integer("one_class", 0) === 0) return builder.map(sum.shape, score);
  const isInside = less(constant(0), score);
  return builder.map(sum.shape, select(isInside, constant(1), constant(-1)));
}

/** Of each row and support vector the kernel's value. */
export function likenesses(operation: Operation, rows: Value, count: number): Value {
  const { builder } = operation;
  const [samples, size] = rows.shape as [number, number];
  const numbers = operation.numbers("support_vectors") ?? [];
  if (numbers.length !== count * size) {
    throw operation.mismatch(`${numbers.length} numbers for ${count} vectors of ${size} features`);
  }
  const vectors = builder.floats(numbers, [count, size]);
  const name = operation.text("kernel_type", "LINEAR");
  const parameters = operation.numbers("kernel_params") ?? [];
  const [gamma, shift, degree] = [0, 1, 2].map((at) => constant(parameters[at] ?? 0)) as [
    Term,
    Term,
    Term,
  ];
  if (name === "RBF") {
    const each = read(builder.reshape(rows, [samples, 1, size]));
    const apart = builder.map([samples, count, size], subtract(each, read(vectors)));
    const distance = reduce(builder, apart, "sumOfSquares", [2], false);
    const nearness = multiply(apply("negate", gamma), read(distance));
    return builder.map(distance.shape, apply("exp", nearness));
  }
  const product = matmul(builder, rows, transpose(builder, vectors, [1, 0]), []);
  if (name === "LINEAR") return product;
  const scaled = add(multiply(gamma, read(product)), shift);
  if (name === "POLY") return builder.map(product.shape, apply("power", scaled, degree));
  if (name === "SIGMOID") return builder.map(product.shape, apply("tanh", scaled));
  throw operation.unsupported(`has the kernel ${name}`);
}
