/** Convolution and pooling over up to three axes. */
import type { Kernel } from "./run.js";
import { dense, get, offsets, product, put, Words } from "./words.js";

type Triple = readonly [number, number, number];

interface Window {
  readonly size: Triple;
  readonly kernel: Triple;
  readonly out: Triple;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly pad: Triple;
}

function readWindow(words: Words): Window {
  const triple = () => words.take(3) as unknown as Triple;
  const [size, kernel, out] = [triple(), triple(), triple()];
  return { size, kernel, out, stride: triple(), dilation: triple(), pad: triple() };
}

const positions = (shape: Triple) => {
  const [d, h, w] = shape;
  return Array.from(offsets(shape, dense(shape)), (at): Triple => {
    return [Math.floor(at / (h * w)) % Math.max(1, d), Math.floor(at / w) % h, at % w];
  });
};

/** Taps of the kernel in order; where one lies outside, `undefined` stands for its place. */
function taps(window: Window, corner: Triple): readonly (number | undefined)[] {
  const { size, kernel, stride, dilation, pad } = window;
  return positions(kernel).map((tap) => {
    const at = tap.map(
      (step, axis) =>
        (corner[axis] as number) * (stride[axis] as number) -
        (pad[axis] as number) +
        step * (dilation[axis] as number),
    ) as unknown as Triple;
    const inside = at.every((value, axis) => value >= 0 && value < (size[axis] as number));
    return inside ? (at[0] * size[1] + at[1]) * size[2] + at[2] : undefined;
  });
}

export const convolution: Kernel = (wordList, [x, w], [y]) => {
  const words = new Words(wordList);
  const [batch, groups, channels, filters] = words.take(4) as [number, number, number, number];
  const window = readWindow(words);
  words.end();
  if (x === undefined || w === undefined || y === undefined) throw new Error("operands");
  const [plane, outPlane] = [product(window.size), product(window.out)];
  const kernelSize = product(window.kernel);
  for (const [position, corner] of positions(window.out).entries()) {
    const at = taps(window, corner);
    for (let image = 0; image < batch * groups; image += 1) {
      for (let filter = 0; filter < filters; filter += 1) {
        const weights = ((image % groups) * filters + filter) * channels * kernelSize;
        let sum = 0;
        for (let channel = 0; channel < channels; channel += 1) {
          for (const [tap, offset] of at.entries()) {
            if (offset === undefined) continue;
            const value = get(x, (image * channels + channel) * plane + offset) as number;
            sum += value * (get(w, weights + channel * kernelSize + tap) as number);
          }
        }
        put(y, (image * filters + filter) * outPlane + position, sum);
      }
    }
  }
};

export const pool: Kernel = (wordList, [x], [y, indices]) => {
  const words = new Words(wordList);
  const [which, planes] = words.take(2) as [number, number];
  const window = readWindow(words);
  const countPadding = words.next() === 1;
  words.end();
  if (x === undefined || y === undefined) throw new Error("operands");
  const [plane, outPlane] = [product(window.size), product(window.out)];
  for (const [position, corner] of positions(window.out).entries()) {
    const all = taps(window, corner);
    const inside = all.filter((offset) => offset !== undefined);
    for (let image = 0; image < planes; image += 1) {
      const values = inside.map((offset) => get(x, image * plane + offset) as number);
      const to = image * outPlane + position;
      if (which === 2) {
        const total = values.reduce((sum, value) => sum + value, 0);
        put(y, to, total / (countPadding ? all.length : values.length));
        continue;
      }
      const most = Math.max(...values);
      put(y, to, most);
      if (indices === undefined) continue;
      const offset = inside[values.findIndex((value) => Object.is(value, most) || value === most)];
      if (offset === undefined) throw new Error("a window without elements");
      put(
        indices,
        to,
        BigInt(image * plane + (which === 4 ? turned(offset, window.size) : offset)),
      );
    }
  }
};

/** The place of an element when the last axis is the slowest. */
function turned(offset: number, [depth, height, width]: Triple): number {
  const [z, y, x] = [
    Math.floor(offset / (height * width)),
    Math.floor(offset / width) % height,
    offset % width,
  ];
  return (x * height + y) * depth + z;
}
