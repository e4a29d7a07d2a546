/**
 * Transposed convolution: each element of the input adds the kernel, times itself, to the result.
 * Results whose places differ by a stride read the same taps, so with strides s it is s convolutions
 * an axis, each with every s-th tap backwards, whose results interleave; no zero is multiplied.
 */
import { copy, denseStrides, expand, type Part, pad, slice, view } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { convolution } from "../canonical/window.js";
import { sizeOf } from "../dtype.js";
import type { Operation } from "./operation.js";
import { autoPadOf, padsOf, perAxis, spanOf, splitPadding } from "./window.js";

interface Shape {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** Beyond so many convolutions zeros are put between the elements instead. */
const phasesMax = 64;

/** Size of the result and how much is cut off before it, of each axis. */
function place(operation: Operation, spatial: readonly number[], shape: Shape) {
  const axes = spatial.length;
  const added = perAxis(operation, "output_padding", axes, 0, 0);
  const whole = spatial.map((size, axis) => {
    const span = spanOf(shape.kernel[axis] as number, shape.dilations[axis] as number);
    return (size - 1) * (shape.strides[axis] as number) + (added[axis] as number) + span;
  });
  const autoPad = autoPadOf(operation);
  const same = spatial.map((size, axis) => size * (shape.strides[axis] as number));
  const asked =
    operation.integers("output_shape")?.slice(-axes) ??
    (autoPad.startsWith("SAME") ? same : undefined);
  if (asked === undefined) {
    const [begins, ends] = autoPad === "VALID" ? [[], []] : padsOf(operation, axes);
    const out = whole.map((size, axis) => size - (begins[axis] ?? 0) - (ends[axis] ?? 0));
    return { out, cut: whole.map((_, axis) => begins[axis] ?? 0) };
  }
  if (asked.length !== axes) throw operation.wrong("has an output_shape of another rank");
  const cut = whole.map((size, axis) => {
    const total = Math.max(0, size - (asked[axis] as number));
    return splitPadding(total, autoPad === "SAME_UPPER")[0];
  });
  return { out: asked, cut };
}

/** Along one axis: the results at `first`, first + stride, …: their number and their taps. */
interface Phase {
  readonly first: number;
  readonly results: number;
  /** First tap that takes part, and how many; every stride-th does. */
  readonly tap: number;
  readonly taps: number;
  /** Elements before the input's first under the first window; negative where it starts later. */
  readonly before: number;
}

function phasesOf(
  firsts: readonly number[],
  kernel: number,
  stride: number,
  dilation: number,
  cut: number,
  out: number,
) {
  return firsts.map((first): Phase => {
    const tap = (first + cut) % stride;
    const taps = Math.max(0, Math.ceil((kernel - tap) / stride));
    const before = (taps - 1) * dilation - Math.floor((first + cut) / stride);
    return { first, results: Math.ceil((out - first) / stride), tap, taps, before };
  });
}

function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>(
    (all, list) => all.flatMap((start) => list.map((item) => [...start, item])),
    [[]],
  );
}

/** Zeros between the elements of the axes whose taps do not meet the strides, and strides 1 there. */
function spread({ builder }: Operation, value: Value, shape: Shape): readonly [Value, Shape] {
  const isLong = sizeOf(shape.strides) > phasesMax;
  const steps = shape.strides.map((stride, axis) =>
    isLong || (shape.dilations[axis] as number) > 1 ? stride : 1,
  );
  const none = value.shape.map(() => 0);
  const spreadValue = pad(builder, value, none, none, 0n, [1, 1, ...steps]);
  const strides = shape.strides.map((stride, axis) => stride / (steps[axis] as number));
  return [spreadValue, { ...shape, strides }];
}

/** Of weights in × out of a group × kernel: out × in of a group × the taps of the phases, backwards. */
function weightsOf(
  { builder }: Operation,
  weights: Value,
  groups: number,
  { strides }: Shape,
  phases: readonly Phase[],
): Value {
  const [channels, results] = weights.shape as [number, number];
  const [perGroup, inner] = [channels / groups, sizeOf(weights.shape.slice(2))];
  const ofTaps = denseStrides(weights.shape).slice(2);
  const taps = phases.map((phase) => phase.taps);
  const shape = [groups, results, perGroup, ...taps];
  const lastTaps = phases.map(
    ({ tap, taps }, axis) => tap + (taps - 1) * (strides[axis] as number),
  );
  const offset = lastTaps.reduce((sum, tap, axis) => sum + tap * (ofTaps[axis] as number), 0);
  const backwards = ofTaps.map((stride, axis) => -stride * (strides[axis] as number));
  const from = [perGroup * results * inner, inner, results * inner, ...backwards];
  const grouped = view(builder, weights, shape, offset, from);
  return builder.reshape(grouped, [groups * results, perGroup, ...taps]);
}

/** One convolution; nothing where its windows see no element. */
function phaseOf(
  operation: Operation,
  value: Value,
  weights: Value,
  groups: number,
  shape: Shape,
  phases: readonly Phase[],
): Value | undefined {
  const skipped = [0, 0, ...phases.map(({ before }) => Math.max(0, -before))];
  const counts = value.shape.map((size, axis) => size - (skipped[axis] as number));
  if (phases.some(({ taps }) => taps === 0) || counts.some((count) => count <= 0)) return undefined;
  const { builder } = operation;
  const seen = slice(
    builder,
    value,
    skipped,
    counts,
    value.shape.map(() => 1),
  );
  const backwards = weightsOf(operation, weights, groups, shape, phases);
  return convolution(builder, seen, backwards, groups, {
    in: counts.slice(2),
    kernel: phases.map(({ taps }) => taps),
    out: phases.map(({ results }) => results),
    strides: phases.map(() => 1),
    dilations: shape.dilations,
    padsBegin: phases.map(({ before }) => Math.max(0, before)),
  });
}

export function transposed(
  operation: Operation,
  given: Value,
  weights: Value,
  groups: number,
  asked: Shape,
): Value {
  const { builder } = operation;
  const { out, cut } = place(operation, given.shape.slice(2), asked);
  if (out.some((size) => size < 1)) throw operation.mismatch("nothing is left of the result");
  const [value, shape] = spread(operation, given, asked);
  const { kernel, strides, dilations } = shape;
  const perAxisPhases = out.map((size, axis) =>
    phasesOf(
      operation.upTo(Math.min(strides[axis] as number, size)),
      kernel[axis] as number,
      strides[axis] as number,
      dilations[axis] as number,
      cut[axis] as number,
      size,
    ),
  );
  const results = [value.shape[0] as number, (weights.shape[1] as number) * groups, ...out];
  const target = denseStrides(results);
  const parts: Part[] = [];
  for (const phases of combinations(perAxisPhases)) {
    const from = phaseOf(operation, value, weights, groups, shape, phases);
    if (from === undefined) continue;
    if (from.shape.join() === results.join()) return from;
    const [first, second, ...rest] = target as [number, number, ...number[]];
    parts.push({
      from,
      shape: from.shape,
      fromOffset: 0,
      fromStrides: denseStrides(from.shape),
      toOffset: phases.reduce((sum, phase, axis) => sum + phase.first * (rest[axis] as number), 0),
      toStrides: [first, second, ...rest.map((of, axis) => of * (strides[axis] as number))],
    });
  }
  if (parts.length === 0) return expand(builder, builder.floats([0]), results);
  return copy(builder, results, parts, 0n);
}
