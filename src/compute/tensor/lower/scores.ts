/** What the linear models and the trees of ai.onnx.ml share: features in, scores and labels out. */
import { subtract } from "../canonical/algebra.js";
import { reduce, softmax } from "../canonical/arithmetic.js";
import { gather } from "../canonical/indexing.js";
import { concat } from "../canonical/layout.js";
import { apply, constant, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation } from "./operation.js";
import { castValue } from "./storage.js";

/** The model's samples as rows of binary32; a single row may lack its axis. */
export function features(operation: Operation, index = 0): Value {
  const { builder } = operation;
  const value = operation.input(index);
  const floats = castValue(operation, value, "float32");
  if (value.shape.length === 1) return builder.reshape(floats, [1, ...value.shape]);
  if (value.shape.length === 2) return floats;
  throw operation.mismatch("samples have to be the rows of a matrix");
}

export function transformed(operation: Operation, scores: Value): Value {
  const { builder } = operation;
  const name = operation.text("post_transform", "NONE");
  if (name === "NONE") return scores;
  if (name === "LOGISTIC") return builder.map(scores.shape, apply("sigmoid", read(scores)));
  if (name === "SOFTMAX") return softmax(builder, scores, false);
  if (name !== "PROBIT")
    throw operation.unsupported(`transforms its scores by ${name}`, untransformed);
  const why = "which each program approximates in its own way, some with three digits";
  throw operation.unsupported(`transforms its scores by PROBIT, ${why}`, untransformed);
}

const untransformed = {
  next: "export the model with post_transform NONE and transform the scores that it gives",
};

/** Programs that run such models differ in whether they transform a score that is the only one. */
export function checkSingle(operation: Operation): void {
  const name = operation.text("post_transform", "NONE");
  if (name === "NONE") return;
  const what = `transforms its single score by ${name}, which programs do in different ways`;
  throw operation.unsupported(what, untransformed);
}

export function regressed(operation: Operation, scores: Value): Value {
  if (scores.shape[1] === 1) checkSingle(operation);
  return transformed(operation, scores);
}

/** The first of two classes beside the second, whose score is known. */
export function bothClasses(operation: Operation, second: Value, isProbability: boolean): Value {
  const { builder } = operation;
  const score = read(second);
  const other = isProbability ? subtract(constant(1), score) : apply("negate", score);
  return concat(builder, [builder.map(second.shape, other), second], 1);
}

/** Integers that name the classes; texts have no place in a tensor here. */
export function classLabels(operation: Operation, name: string): readonly bigint[] {
  const labels = operation.attribute(name)?.integers ?? [];
  if (labels.length > 0) return labels;
  throw operation.unsupported("names its classes by text; train with integers as labels");
}

/** Of each row the label of the first highest score. */
export function bestLabels(operation: Operation, scores: Value, labels: readonly bigint[]): Value {
  const { builder } = operation;
  const best = reduce(builder, scores, "firstMaximum", [1], false);
  if (labels.every((label, index) => label === BigInt(index))) return best;
  return gather(builder, builder.integers(labels), best, 0);
}
