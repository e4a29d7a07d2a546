/** Losses over classes: minus the (log-)probability of the target class, weighed. */

import { divide, equal, multiply, select } from "../canonical/algebra.js";
import { reduce } from "../canonical/arithmetic.js";
import { gather, gatherElements } from "../canonical/indexing.js";
import { apply, cast, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { softmaxAlong } from "./softmax.js";
import { onHalves } from "./storage.js";

/** Batch × classes × the rest. */
function byClass(operation: Operation): Value {
  const value = operation.float(0);
  if (value.shape.length < 2) throw operation.mismatch("there is no axis of classes");
  const [batch, classes, ...rest] = value.shape as [number, number, ...number[]];
  if (operation.input(1).shape.join() !== [batch, ...rest].join()) {
    throw operation.mismatch("there must be one target for each position");
  }
  return operation.builder.reshape(value, [batch, classes, sizeOf(rest)]);
}

/** Of `scores`, batch × classes × rest; targets that are ignored weigh 0 and lose 0. */
function loss(operation: Operation, scores: Value): Value {
  const { builder } = operation;
  const targets = operation.typed(1, "int64", "int32");
  const { shape } = targets;
  const [batch, classes, rest] = scores.shape as [number, number, number];
  let target: Term = read(targets);
  let isIgnored: Term | undefined;
  if (operation.attribute("ignore_index") !== undefined) {
    const ignored = cast(constant(operation.integer("ignore_index", 0), "int64"), targets.dtype);
    isIgnored = equal(target, ignored);
    target = select(isIgnored, cast(constant(0, "int64"), targets.dtype), target);
  }
  const zeroWhereIgnored = (term: Term) =>
    isIgnored === undefined ? term : select(isIgnored, constant(0), term);
  const indices = builder.map(shape, target);
  const chosen = gatherElements(builder, scores, builder.reshape(indices, [batch, 1, rest]), 1);
  let term = apply("negate", read(builder.reshape(chosen, shape)));
  let weight: Term = constant(1);
  if (operation.optional(2) !== undefined) {
    const weights = operation.float(2);
    if (weights.shape.join() !== `${classes}`) {
      throw operation.mismatch("there must be one weight for each class");
    }
    weight = read(gather(builder, weights, indices, 0));
    term = multiply(term, weight);
  }
  const losses = builder.map(shape, zeroWhereIgnored(term));
  const how = operation.text("reduction", "mean");
  if (how === "none") return losses;
  const axes = shape.map((_, axis) => axis);
  const total = reduce(builder, losses, "sum", axes, false);
  if (how === "sum") return total;
  if (how !== "mean") throw operation.wrong(`has reduction = ${how}`);
  const isPlain = isIgnored === undefined && operation.optional(2) === undefined;
  const counted = () => builder.map(shape, zeroWhereIgnored(weight));
  const divisor: Term = isPlain
    ? constant(sizeOf(shape))
    : read(reduce(builder, counted(), "sum", axes, false));
  return builder.map([], divide(read(total), divisor));
}

export const rules: Rules = onHalves({
  NegativeLogLikelihoodLoss: (operation) => [loss(operation, byClass(operation))],
  SoftmaxCrossEntropyLoss: (operation) => {
    const logarithms = softmaxAlong(operation, byClass(operation), 1, true);
    const whole = operation.builder.reshape(logarithms, operation.input(0).shape);
    return [loss(operation, logarithms), whole];
  },
});
