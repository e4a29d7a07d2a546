/**
 * Where the elements of a resized axis come from: for each one, as many elements of the input as the
 * mode mixes, and their weights. Positions are computed in binary32, one rounding an operation.
 */

export interface Sampling {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly transform: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludesOutside: boolean;
}

export interface ResizedAxis {
  readonly size: number;
  readonly out: number;
  /** What `out` was rounded down from: positions stretch over it. */
  readonly length: number;
  readonly scale: number;
  /** Part of the axis that is looked at, where the transform asks for one. */
  readonly region: readonly [number, number];
}

/** One of the elements that are mixed, for all positions of the result. */
export interface Tap {
  readonly indices: number[];
  readonly weights: number[];
}

export interface AxisTaps {
  readonly taps: readonly Tap[];
  /** Positions that lie outside the input; only with `tf_crop_and_resize`. */
  readonly isOutside: readonly boolean[];
}

const round = Math.fround;

type Transform = (position: number, axis: ResizedAxis) => number;

const halfPixel: Transform = (position, { scale }) => round(round((position + 0.5) / scale) - 0.5);

const transforms: Readonly<Record<string, Transform>> = {
  half_pixel: halfPixel,
  pytorch_half_pixel: (position, axis) => (axis.out > 1 ? halfPixel(position, axis) : 0),
  tf_half_pixel_for_nn: (position, { scale }) => round((position + 0.5) / scale),
  asymmetric: (position, { scale }) => round(position / scale),
  align_corners: (position, { size, out, length }) =>
    out === 1 ? 0 : round(round(position * (size - 1)) / round(length - 1)),
  tf_crop_and_resize: (position, { size, out, length, region: [start, end] }) => {
    const last = size - 1;
    if (out === 1) return round(0.5 * round(round(start + end) * last));
    const step = round(round(round(end - start) * last) / round(length - 1));
    return round(round(start * last) + round(position * step));
  },
};

export const transformNames: readonly string[] = Object.keys(transforms);

const nearests: Readonly<Record<string, (position: number, scale: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
  /** Of operator sets before 11. */
  simple: (position, scale) => (scale < 1 ? Math.ceil(position) : Math.floor(position)),
};

export const nearestNames: readonly string[] = Object.keys(nearests);

/** Of the four elements around a position that lies `part` behind the second one. */
function cubicWeights(part: number, a: number): number[] {
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(part + 1), near(part), near(1 - part), far(2 - part)];
}

function weigh(position: number, { size }: ResizedAxis, sampling: Sampling) {
  const inside = (index: number) => Math.min(Math.max(index, 0), size - 1);
  if (sampling.mode === "linear") {
    const at = inside(position);
    const first = Math.floor(at);
    return { indices: [first, inside(first + 1)], weights: [1 - (at - first), at - first] };
  }
  const first = Math.floor(position) - 1;
  const indices = [first, first + 1, first + 2, first + 3];
  let weights = cubicWeights(position - first - 1, sampling.cubicA);
  if (sampling.excludesOutside) {
    weights = weights.map((weight, tap) => (inside(first + tap) === first + tap ? weight : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights = weights.map((weight) => weight / total);
  }
  return { indices: indices.map(inside), weights };
}

/** `results`: the numbers of the axis's positions after it. */
export function axisTaps(
  results: readonly number[],
  axis: ResizedAxis,
  sampling: Sampling,
): AxisTaps {
  const transform = transforms[sampling.transform] as Transform;
  const positions = results.map((position) => transform(position, axis));
  const last = axis.size - 1;
  const crops = sampling.transform === "tf_crop_and_resize";
  const isOutside = positions.map((position) => crops && (position < 0 || position > last));
  const choose = nearests[sampling.nearest] as (position: number, scale: number) => number;
  const mixed = positions.map((position) => {
    if (sampling.mode !== "nearest") return weigh(position, axis, sampling);
    const index = choose(position, axis.scale);
    return { indices: [Math.min(Math.max(index, 0), last)], weights: [1] };
  });
  const count = { nearest: 1, linear: 2, cubic: 4 }[sampling.mode];
  const taps = Array.from({ length: count }, (_, tap) => ({
    indices: mixed.map(({ indices }) => indices[tap] as number),
    weights: mixed.map(({ weights }) => weights[tap] as number),
  }));
  return { taps, isOutside };
}
