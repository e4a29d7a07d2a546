/** Convolution and pooling of `canonical-1` a second time. */
import type { Elements, Words } from "./canonical-elements.js";
import { shared } from "./canonical-functions.js";
import { matmulExact } from "./canonical-reference.js";

const { add, divide } = shared;
type Three = readonly [number, number, number];

interface Window {
  readonly input: Three;
  readonly kernel: Three;
  readonly output: Three;
  readonly stride: Three;
  readonly dilation: Three;
  readonly pad: Three;
}

function windowOf(words: Words): Window {
  const three = (): Three => [words.next(), words.next(), words.next()];
  const [input, kernel, output] = [three(), three(), three()];
  return { input, kernel, output, stride: three(), dilation: three(), pad: three() };
}

const volume = ([d, h, w]: Three): number => d * h * w;

/** All places of a box, row-major. */
function* placesOf([depth, height, width]: Three): Generator<Three> {
  for (let d = 0; d < depth; d += 1) {
    for (let h = 0; h < height; h += 1) for (let w = 0; w < width; w += 1) yield [d, h, w];
  }
}

/** Where a tap of the window at an output's place lies; nothing in the padding. */
function elementUnder(window: Window, place: Three, tap: Three): Three | undefined {
  const { input, stride, dilation, pad } = window;
  const at = [0, 1, 2].map((axis) => {
    const [p, s, d] = [place[axis], stride[axis], dilation[axis]] as [number, number, number];
    return p * s - (pad[axis] as number) + (tap[axis] as number) * d;
  }) as unknown as Three;
  return at.every((i, axis) => i >= 0 && i < (input[axis] as number)) ? at : undefined;
}

const numberOf = ([, height, width]: Three, [d, h, w]: Three): number =>
  (d * height + h) * width + w;

export function convolution(words: Words, [x, w]: readonly Elements[]): Elements[] {
  const [batch, groups, channels, outputs] = words.take(4) as [number, number, number, number];
  const window = windowOf(words);
  const [taps, positions] = [[...placesOf(window.kernel)], [...placesOf(window.output)]];
  const [plane, k] = [volume(window.input), channels * taps.length];
  const inputs = x?.values as readonly number[];
  const weights = w?.values as readonly number[];
  const results: number[] = [];
  for (let product = 0; product < batch * groups; product += 1) {
    const matrix: number[] = [];
    for (let channel = 0; channel < channels; channel += 1) {
      const first = (product * channels + channel) * plane;
      for (const tap of taps) {
        for (const place of positions) {
          const at = elementUnder(window, place, tap);
          matrix.push(
            at === undefined ? 0 : (inputs[first + numberOf(window.input, at)] as number),
          );
        }
      }
    }
    const row = (product % groups) * outputs * k;
    const rows = Float32Array.from(weights.slice(row, row + outputs * k));
    const columns = Float32Array.from(matrix);
    results.push(...matmulExact(rows, columns, outputs, positions.length, k));
  }
  return [{ dtype: "float32", values: results }];
}

/** -0 before +0, NaN last. */
function isGreater(x: number, y: number): boolean {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && !Number.isNaN(y);
  return x > y || (x === 0 && y === 0 && Object.is(x, 0) && Object.is(y, -0));
}

export function pool(words: Words, [x]: readonly Elements[]): Elements[] {
  const [code, planes] = [words.next(), words.next()];
  const window = windowOf(words);
  const paddingCounts = words.next() === 1;
  const { input } = window;
  const taps = [...placesOf(window.kernel)];
  const results: number[] = [];
  const indices: bigint[] = [];
  for (let plane = 0; plane < planes; plane += 1) {
    const first = plane * volume(input);
    const valueAt = (at: Three) => x?.values[first + numberOf(input, at)] as number;
    for (const place of placesOf(window.output)) {
      const under = taps.map((tap) => elementUnder(window, place, tap));
      const inside = under.filter((at): at is Three => at !== undefined);
      if (code === 2) {
        const sum = inside.reduce((total, at) => add(total, valueAt(at)), 0);
        results.push(divide(sum, Math.fround(paddingCounts ? taps.length : inside.length)));
        continue;
      }
      let best: Three | undefined;
      for (const at of inside) {
        if (best === undefined || isGreater(valueAt(at), valueAt(best))) best = at;
      }
      results.push(best === undefined ? -Infinity : valueAt(best));
      indices.push(BigInt(best === undefined ? -1 : first + indexIn(code, input, best)));
    }
  }
  const values: Elements = { dtype: "float32", values: results };
  return code > 2 ? [values, { dtype: "int64", values: indices }] : [values];
}

/** An index in its plane: row-major, or with the axes in reverse order. */
function indexIn(code: number, input: Three, at: Three): number {
  if (code === 3) return numberOf(input, at);
  const [depth, height] = input;
  return at[0] + depth * (at[1] + height * at[2]);
}
