/** Normalisation: by moments of channels, by statistics that the model holds, by norms, by neighbours. */
import { add, divide, equal, multiply, select, subtract } from "../canonical/algebra.js";
import { mean, normalise, reduce } from "../canonical/arithmetic.js";
import { apply, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { pool } from "../canonical/window.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { onHalves } from "./storage.js";

const square = (x: Term) => multiply(x, x);

/** One number a channel, seen so that it broadcasts over a tensor with that many axes. */
function ofChannels(operation: Operation, index: number, shape: readonly number[]): Value {
  const value = operation.float(index);
  const channels = shape[1] ?? 1;
  if (value.shape.join() !== `${channels}`) {
    throw operation.mismatch(
      `input ${index} must hold one number for each of ${channels} channels`,
    );
  }
  return operation.builder.reshape(value, [channels, ...shape.slice(2).map(() => 1)]);
}

function instanceNormalisation(operation: Operation): readonly Value[] {
  const value = operation.float(0);
  if (value.shape.length < 2) throw operation.mismatch("there is no axis of channels");
  const [scale, bias] = [1, 2].map((index) => ofChannels(operation, index, value.shape));
  const epsilon = operation.number("epsilon", 1e-5);
  const length = sizeOf(value.shape.slice(2));
  return normalise(operation.builder, value, { length, epsilon, scale, bias, by: "row" }).slice(
    0,
    1,
  );
}

/** fma(x, a, b): a = scale / sqrt(variance + epsilon) and b = fma(-mean, a, bias) of each channel. */
function batchNormalisation(operation: Operation): readonly Value[] {
  const { builder, version } = operation;
  const value = operation.float(0);
  const isTraining =
    version < 7
      ? operation.integer("is_test", 0) === 0
      : operation.integer("training_mode", 0) === 1 ||
        operation.node.outputs.slice(1).some((name) => name !== "");
  if (isTraining) throw operation.unsupported("is in training mode");
  const isByChannel = operation.integer("spatial", 1) === 1;
  const parameter = (index: number): Value => {
    if (isByChannel) return ofChannels(operation, index, value.shape);
    const of = operation.float(index);
    if (of.shape.join() === value.shape.slice(1).join()) return of;
    throw operation.mismatch(`input ${index} must hold one number for each element of a sample`);
  };
  const [scale, bias, middle, variance] = [1, 2, 3, 4].map(parameter) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const epsilon = constant(operation.number("epsilon", 1e-5));
  const deviation = apply("sqrt", add(read(variance), epsilon));
  const a = builder.map(scale.shape, divide(read(scale), deviation));
  const moved = apply("fused_multiply_add", apply("negate", read(middle)), read(a), read(bias));
  const b = builder.map(scale.shape, moved);
  return [builder.map(value.shape, apply("fused_multiply_add", read(value), read(a), read(b)))];
}

/** x / norm; what has the norm 0 stays 0. */
function lpNormalisation(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const value = operation.float(0);
  const axis = operation.axis(operation.integer("axis", -1), value.shape.length);
  const p = operation.integer("p", 2);
  if (p !== 1 && p !== 2) throw operation.unsupported(`has p = ${p}; 1 and 2 are computed`);
  const sizes = p === 1 ? builder.map(value.shape, apply("absolute", read(value))) : value;
  const total = reduce(builder, sizes, p === 1 ? "sum" : "sumOfSquares", [axis], true);
  const norm = p === 1 ? read(total) : apply("sqrt", read(total));
  const isZero = equal(norm, constant(0));
  const quotient = select(isZero, constant(0), divide(read(value), norm));
  return [builder.map(value.shape, quotient)];
}

/** x / (bias + alpha · mean of squares over neighbouring channels, missing ones 0) ^ beta. */
function localResponse(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const value = operation.float(0);
  const size = operation.integer("size", 0);
  if (size < 1) throw operation.wrong("lacks its size");
  if (value.shape.length < 2) throw operation.mismatch("there is no axis of channels");
  if (sizeOf(value.shape) === 0) return [value];
  const [batch, channels] = value.shape as [number, number];
  const inner = sizeOf(value.shape.slice(2));
  const squares = builder.map(value.shape, square(read(value)));
  const [average] = pool(builder, squares, {
    how: "average",
    countPadding: true,
    shape: value.shape,
    planes: batch,
    in: [channels, inner],
    out: [channels, inner],
    kernel: [size, 1],
    strides: [1, 1],
    dilations: [1, 1],
    padsBegin: [Math.floor((size - 1) / 2), 0],
  });
  const alpha = constant(operation.number("alpha", 1e-4));
  const beta = constant(operation.number("beta", 0.75));
  const base = add(constant(operation.number("bias", 1)), multiply(alpha, read(average as Value)));
  return [builder.map(value.shape, divide(read(value), apply("power", base, beta)))];
}

/** (x - mean) / (deviation + 1e-9). */
function meanVariance(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const value = operation.float(0);
  if (operation.version < 9) throw operation.unsupported("is experimental before operator set 9");
  const axes = operation.axes(operation.integers("axes") ?? [0, 2, 3], value.shape.length);
  const middle = mean(builder, value, axes, true);
  const centred = builder.map(value.shape, subtract(read(value), read(middle)));
  const squares = reduce(builder, centred, "sumOfSquares", axes, true);
  const count = constant(sizeOf(axes.map((axis) => value.shape[axis] as number)));
  const deviation = apply("sqrt", divide(read(squares), count));
  const divisor = builder.map(squares.shape, add(deviation, constant(1e-9)));
  return [builder.map(value.shape, divide(read(centred), read(divisor)))];
}

export const rules: Rules = onHalves({
  InstanceNormalization: instanceNormalisation,
  BatchNormalization: batchNormalisation,
  LpNormalization: lpNormalisation,
  LRN: localResponse,
  MeanVarianceNormalization: meanVariance,
});
