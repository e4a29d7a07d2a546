/** DFT and STFT: matrix products with cosines. */
import { divide, multiply, select } from "../canonical/algebra.js";
import { matmul } from "../canonical/arithmetic.js";
import { pad, transpose, view } from "../canonical/layout.js";
import { apply, constant, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  DFT: (operation) => [transform(operation)],
  STFT: (operation) => [transformFrames(operation)],
};

interface Kind {
  readonly inverse: boolean;
  /** Only those frequencies that a real signal does not give twice. */
  readonly onesided: boolean;
}

/** Angles that are written down. */
const anglesMax = 2 ** 24;

/** Of the last two axes, samples and 1 or 2 parts of each, to frequencies and 2 parts. */
function transformed(operation: Operation, value: Value, { inverse, onesided }: Kind): Value {
  const { builder } = operation;
  const [length, parts] = value.shape.slice(-2) as [number, number];
  if ((parts !== 1 && parts !== 2) || length === 0) {
    throw operation.mismatch("a signal has samples, each of one or two parts");
  }
  if (onesided && parts === 2) throw operation.unsupported("gives half of a complex signal's");
  const frequencies = onesided ? Math.floor(length / 2) + 1 : length;
  const [rows, columns] = [length * parts, frequencies * 2];
  if (rows * columns > anglesMax) throw operation.unsupported(`transforms ${length} samples`);
  const turns = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const [sample, isImaginary] = [Math.floor(row / parts), row % parts];
    const [frequency, givesImaginary] = [Math.floor(column / 2), column % 2];
    // In quarters of a step: a sine is a cosine a quarter of a turn later or earlier.
    const shift = (givesImaginary - isImaginary) * length * (inverse ? -1 : 1);
    return (4 * ((sample * frequency) % length) + shift) / (4 * length);
  });
  const matrix = cosines(operation, turns, [rows, columns]);
  const leading = value.shape.slice(0, -2);
  const signals = builder.reshape(value, [sizeOf(leading), rows]);
  let product = matmul(builder, signals, matrix, []);
  if (inverse) {
    const divided = divide(read(product), constant(length));
    product = builder.map(product.shape, divided);
  }
  return builder.reshape(product, [...leading, frequencies, 2]);
}

/** By the nearest quarter of a turn, so that the angle is small and what has to be 0 is. */
function cosines(operation: Operation, turns: readonly number[], shape: readonly number[]): Value {
  const { builder } = operation;
  const flag = (flags: readonly boolean[]) => read(builder.make("bool", flags.map(BigInt), shape));
  const sizes = turns.map((turn) => Math.abs(turn - Math.round(turn)));
  const quarters = sizes.map((size) => Math.round(4 * size));
  // cos(quarter - a) is sin(a), cos(half - a) is -cos(a).
  const angles = sizes.map((size, at) => 2 * Math.PI * ((quarters[at] as number) / 4 - size));
  const angle = read(builder.floats(angles, shape));
  const cosine = apply("cos", angle);
  const turned = select(flag(quarters.map((of) => of === 2)), apply("negate", cosine), cosine);
  const isSine = flag(quarters.map((of) => of === 1));
  return builder.map(shape, select(isSine, apply("sin", angle), turned));
}

function transform(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.float(0);
  const rank = value.shape.length;
  const axis = operation.axis(operation.integer("axis", 1), rank);
  if (axis === rank - 1) throw operation.wrong("transforms along the axis of a sample's parts");
  const order = value.shape.map((_, at) => at).filter((at) => at !== axis && at !== rank - 1);
  const seen = transpose(builder, value, [...order, axis, rank - 1]);
  const length = seen.shape[rank - 2] as number;
  const [wanted = length] = operation.optional(1) === undefined ? [] : operation.integersKnown(1);
  const ends = seen.shape.map((_, at) => (at === rank - 2 ? wanted - length : 0));
  const fitted = pad(
    builder,
    seen,
    ends.map(() => 0),
    ends,
    0n,
  );
  const result = transformed(operation, fitted, {
    inverse: operation.integer("inverse", 0) === 1,
    onesided: operation.integer("onesided", 0) === 1,
  });
  const back = value.shape.map((_, at) => {
    if (at === rank - 1) return rank - 1;
    return at === axis ? rank - 2 : order.indexOf(at);
  });
  return transpose(builder, result, back);
}

/** Frames of the signal, so many samples apart, each weighed by a window. */
function transformFrames(operation: Operation): Value {
  const { builder } = operation;
  const signal = operation.float(0);
  const [batch, samples, parts] = signal.shape as [number, number, number];
  const [step = 0] = operation.integersKnown(1);
  const window = operation.optional(2) && operation.float(2);
  const [length = 0] =
    operation.optional(3) === undefined ? (window?.shape ?? []) : operation.integersKnown(3);
  const fits = signal.shape.length === 3 && step > 0 && length > 0 && length <= samples;
  if (!fits || (window !== undefined && sizeOf(window.shape) !== length)) {
    throw operation.mismatch(`frames of ${length} samples, ${step} apart`);
  }
  const shape = [batch, Math.floor((samples - length) / step) + 1, length, parts];
  const strides = [samples * parts, step * parts, parts, 1];
  const frames = view(builder, signal, shape, 0, strides);
  const kind = { inverse: false, onesided: operation.integer("onesided", 1) === 1 };
  if (window === undefined) return transformed(operation, frames, kind);
  const weights = read(builder.reshape(window, [length, 1]));
  const weighed = builder.map(shape, multiply(read(frames), weights));
  return transformed(operation, weighed, kind);
}
