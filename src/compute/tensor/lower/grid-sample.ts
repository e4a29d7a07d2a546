/**
 * GridSample: elements of images at places that another tensor gives. A place becomes one, four or
 * sixteen taps; each is gathered, weighed and added, row by row.
 */
import {
  add,
  clamp,
  divide,
  equal,
  less,
  lessOrEqual,
  multiply,
  select,
  subtract,
} from "../canonical/algebra.js";
import { gatherNd } from "../canonical/indexing.js";
import { sliceAxis, transpose } from "../canonical/layout.js";
import { apply, applyNamed, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";
import { onHalves } from "./storage.js";

const modes = ["bilinear", "nearest", "bicubic"] as const;
const paddings = ["zeros", "border", "reflection"] as const;

interface Sampling {
  readonly mode: (typeof modes)[number];
  readonly padding: (typeof paddings)[number];
  /** -1 and 1 are the middles of the outermost elements, not their outer edges. */
  readonly aligns: boolean;
}

function samplingOf(operation: Operation): Sampling {
  const choose = <T extends string>(name: string, known: readonly T[]): T => {
    const asked = operation.text(name, known[0] as T);
    const found = known.find((one) => one === asked);
    if (found === undefined) throw operation.wrong(`has ${name} = ${asked}`);
    return found;
  };
  const aligns = operation.integer("align_corners", 0) === 1;
  return { mode: choose("mode", modes), padding: choose("padding_mode", paddings), aligns };
}

/** Between the first and the last element. */
function inside(x: Term, size: number): Term {
  return clamp(x, constant(0), constant(size - 1));
}

/** Thrown back at both edges of the axis until it lies between them. */
function reflect(x: Term, size: number, aligns: boolean): Term {
  const [least, most] = aligns ? [0, size - 1] : [-0.5, size - 0.5];
  if (most === least) return multiply(x, constant(0));
  const range = constant(most - least);
  const isBelow = less(x, constant(least));
  const beyond = select(isBelow, subtract(constant(least), x), subtract(x, constant(most)));
  const times = apply("floor", divide(beyond, range));
  const rest = subtract(beyond, multiply(times, range));
  const isEven = equal(apply("remainder", times, constant(2)), constant(0));
  const fromLeast = add(constant(least), rest);
  const fromMost = subtract(constant(most), rest);
  const isOnLeastSide = equal(isBelow, isEven);
  const reflected = select(isOnLeastSide, fromLeast, fromMost);
  const isOutside = apply("or", isBelow, less(constant(most), x));
  return select(isOutside, reflected, x);
}

/** From -1 … 1 to positions of elements. */
function position(x: Term, size: number, { mode, padding, aligns }: Sampling): Term {
  const one = add(x, constant(1));
  const place = aligns
    ? multiply(divide(one, constant(2)), constant(size - 1))
    : divide(subtract(multiply(one, constant(size)), constant(1)), constant(2));
  // Of a cubic mixture each tap is brought inside by itself.
  if (mode === "bicubic" || padding === "zeros") return place;
  return padding === "border" ? inside(place, size) : reflect(place, size, aligns);
}

/** The weights of the taps from the first on, for a place that lies `part` behind the tap before it. */
function weightsOf(part: Term, mode: Sampling["mode"]): Term[] {
  if (mode === "nearest") return [constant(1)];
  const rest = subtract(constant(1), part);
  if (mode === "bilinear") return [rest, part];
  const a = -0.75;
  const near = (x: Term) => {
    const steep = subtract(multiply(constant(a + 2), x), constant(a + 3));
    return add(multiply(multiply(steep, x), x), constant(1));
  };
  const far = (x: Term) => {
    const inner = add(
      multiply(subtract(multiply(constant(a), x), constant(5 * a)), x),
      constant(8 * a),
    );
    return subtract(multiply(inner, x), constant(4 * a));
  };
  return [far(add(part, constant(1))), near(part), near(rest), far(add(rest, constant(1)))];
}

/** Along one axis: where each tap lies, brought inside, its weight, and whether it was inside. */
interface Tap {
  readonly index: Term;
  readonly weight: Term;
  readonly isInside: Term;
}

function tapsOf(place: Term, size: number, sampling: Sampling): Tap[] {
  const { mode, padding, aligns } = sampling;
  const first = mode === "nearest" ? apply("round_even", place) : apply("floor", place);
  const weights = weightsOf(subtract(place, first), mode);
  return weights.map((weight, tap) => {
    const at = add(first, constant(mode === "bicubic" ? tap - 1 : tap));
    const isInside = apply(
      "and",
      lessOrEqual(constant(0), at),
      lessOrEqual(at, constant(size - 1)),
    );
    const seen = padding === "reflection" ? reflect(at, size, aligns) : at;
    return { index: applyNamed("f32_to_i64", inside(seen, size)), weight, isInside };
  });
}

function gridSample(operation: Operation): Value {
  const { builder } = operation;
  const [image, grid] = [operation.float(0), operation.float(1)];
  const sampling = samplingOf(operation);
  if (image.shape.length !== 4 || grid.shape.length !== 4) {
    throw operation.unsupported("samples other than images of two spatial axes");
  }
  const [batch, channels, height, width] = image.shape as [number, number, number, number];
  const [batches, rows, columns, two] = grid.shape as [number, number, number, number];
  if (batches !== batch || two !== 2) throw operation.mismatch("each image needs a grid of places");
  if (height === 0 || width === 0) throw operation.mismatch("an empty image has no elements");
  const points = [batch, rows * columns, 1];
  const places = [width, height].map((size, at) => {
    const given = builder.reshape(sliceAxis(builder, grid, 3, at, 1), points);
    return builder.map(points, position(read(given), size, sampling));
  });
  const [xs, ys] = [width, height].map((size, at) =>
    tapsOf(read(places[at] as Value), size, sampling),
  ) as [Tap[], Tap[]];
  const flat = builder.reshape(image, [batch, channels, height * width]);
  const pixels = transpose(builder, flat, [0, 2, 1]);
  const shape = [batch, rows * columns, channels];
  let sum: Term | undefined;
  for (const y of ys) {
    for (const x of xs) {
      const index = add(multiply(y.index, constant(width, "int64")), x.index);
      const weight = multiply(y.weight, x.weight);
      const masks = sampling.padding === "zeros" ? [apply("and", y.isInside, x.isInside)] : [];
      const [indices, weights, mask] = builder.maps(points, [index, weight, ...masks]);
      const element = read(gatherNd(builder, pixels, indices as Value, 1));
      const seen = mask === undefined ? element : select(read(mask), element, constant(0));
      const term = multiply(seen, read(weights as Value));
      sum = read(builder.map(shape, sum === undefined ? term : add(sum, term)));
    }
  }
  const sampled = transpose(builder, builder.map(shape, sum as Term), [0, 2, 1]);
  return builder.reshape(sampled, [batch, channels, rows, columns]);
}

export const rules: Rules = onHalves({ GridSample: (operation) => [gridSample(operation)] });
