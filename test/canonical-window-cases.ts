/** Golden vectors of convolution and pooling: their cases. */
import {
  floatBits,
  floatsBy,
  given,
  type Operand,
  type OperatorVector,
} from "./canonical-elements.js";
import { operatorVector } from "./canonical-operators.js";

type Sizes = readonly number[];

/** Of the last axes; those in front are of size 1. */
interface Geometry {
  readonly input: Sizes;
  readonly kernel: Sizes;
  readonly output: Sizes;
  readonly stride?: Sizes;
  readonly dilation?: Sizes;
  readonly pad?: Sizes;
}

function windowWords({ input, kernel, output, ...rest }: Geometry): number[] {
  const { stride = [], dilation = [], pad = [] } = rest;
  const three = (sizes: Sizes, fill: number): number[] => [
    ...Array<number>(3 - sizes.length).fill(fill),
    ...sizes,
  ];
  return [
    ...[three(input, 1), three(kernel, 1), three(output, 1)],
    ...[three(stride, 1), three(dilation, 1), three(pad, 0)],
  ].flat();
}

const volume = (sizes: Sizes): number => sizes.reduce((product, size) => product * size, 1);

export function convolutionVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  let seed = 40_000;
  /** Sizes: batch, groups, input and output channels of a group. */
  const add = (name: string, sizes: Sizes, window: Geometry, x?: Operand, w?: Operand) => {
    const [batch, groups, inputs, outputs] = sizes as [number, number, number, number];
    const inputCount = batch * groups * inputs * volume(window.input);
    const weightCount = groups * outputs * inputs * volume(window.kernel);
    const operands = [
      x ?? floatsBy("unit", seed, inputCount),
      w ?? floatsBy("unit", seed + 1, weightCount),
    ];
    seed += 10;
    const words = [...sizes, ...windowWords(window)];
    vectors.push(operatorVector(name, "convolution", words, operands));
  };
  add("1-D", [2, 1, 3, 5], { input: [17], kernel: [3], output: [17], pad: [1] });
  add("1-D, stride 2", [1, 1, 2, 3], {
    ...{ input: [19], kernel: [4], output: [10], stride: [2], pad: [2] },
  });
  const square = { input: [7, 9], kernel: [3, 3], pad: [1, 1] };
  add("2-D", [1, 1, 3, 4], { ...square, output: [7, 9] });
  add("2-D, two images, stride 2", [2, 1, 2, 3], { ...square, output: [4, 5], stride: [2, 2] });
  add("2-D, dilation 2", [1, 1, 2, 2], {
    ...{ ...square, output: [7, 9], dilation: [2, 2], pad: [2, 2] },
  });
  add("groups", [2, 3, 2, 2], { ...square, output: [7, 9] });
  add("depthwise", [1, 6, 1, 1], { ...square, output: [7, 9] });
  add("depthwise, stride and padding apart", [1, 5, 1, 2], {
    ...{ input: [8, 10], kernel: [5, 3], output: [5, 5], stride: [2, 3], pad: [3, 2] },
  });
  add("3-D", [1, 1, 2, 3], {
    ...{ input: [3, 4, 5], kernel: [2, 3, 2], output: [4, 2, 3], stride: [1, 2, 2] },
    pad: [1, 1, 1],
  });
  add("k = 261", [1, 1, 29, 3], { input: [4, 5], kernel: [3, 3], output: [4, 5], pad: [1, 1] });
  add("k = 600, one tap", [1, 1, 600, 5], { input: [3, 3], kernel: [1, 1], output: [3, 3] });
  const wide = floatsBy("wide", 40_900, 63 * 2);
  add("sums that cancel", [1, 1, 2, 3], { ...square, output: [7, 9] }, wide);
  const tiny = [floatsBy("tiny", 40_901, 63 * 2), floatsBy("tiny", 40_902, 54)] as const;
  add("subnormal products", [1, 1, 2, 3], { ...square, output: [7, 9] }, ...tiny);
  addPadding(add);
  return vectors;
}

type Add = (name: string, sizes: Sizes, window: Geometry, x?: Operand, w?: Operand) => void;

/** What taps in the padding do: each is fma(weight, +0, sum). */
function addPadding(add: Add): void {
  const edge = { input: [1], kernel: [2], output: [1] };
  const least = floatBits("80000001");
  // The product underflows to -0; then +0 is added, or -0.
  add("-0 and a tap in the padding", [1, 1, 1, 1], edge, least, floatBits("00000001 3f800000"));
  add("-0 and a negative one", [1, 1, 1, 1], edge, least, floatBits("00000001 bf800000"));
  const line = { input: [3], kernel: [3], output: [5], pad: [2] };
  const ones = given("float32", 1, 2, 3);
  const taps = [
    "7f800000 3f800000 3f800000",
    "3f800000 ff800000 3f800000",
    "3f800000 3f800000 7fc00000",
    "80000000 80000000 80000000",
    "bf800000 80000000 00000000",
    "00000001 80000001 00800000",
  ];
  add("weights that are special values", [1, 1, 1, 6], line, ones, floatBits(taps.join(" ")));
  const inputs = floatBits("7f800000 80000000 ffc12345");
  add("inputs that are special values", [1, 1, 1, 6], line, inputs, floatBits(taps.join(" ")));
  add("all in the padding", [1, 1, 1, 2], {
    ...{ input: [1], kernel: [2], output: [4], stride: [2], pad: [2] },
  });
}

const functions = [1, 2, 3, 4] as const;
const poolNames = ["greatest", "mean", "greatest with indices", "greatest with reverse indices"];

/** Ties, zeros of both signs, NaN, infinities; of 4 × 6. */
const mixed = floatBits(
  "80000000 00000000 00000000 80000000 3f800000 bf800000 " +
    "bf800000 80000000 00000000 00000000 7fc00000 ffc12345 " +
    "ff800000 ff800000 00000001 80000001 7f7fffff 7f7fffff " +
    "ff800000 ff800000 ff800000 3f800000 ff800000 7f800000",
);

export function poolVectors(): OperatorVector[] {
  const vectors: OperatorVector[] = [];
  let seed = 41_000;
  const add = (name: string, planes: number, window: Geometry, x?: Operand) => {
    const values = x ?? floatsBy("unit", seed, planes * volume(window.input));
    seed += 1;
    for (const code of functions) {
      for (const paddingCounts of code === 2 ? [0, 1] : [0]) {
        const what = `${poolNames[code - 1]}${paddingCounts ? ", padding counts" : ""}, ${name}`;
        const words = [code, planes, ...windowWords(window), paddingCounts];
        vectors.push(operatorVector(what, "pool", words, [values]));
      }
    }
  };
  add("1-D", 2, { input: [11], kernel: [3], output: [6], stride: [2], pad: [1] });
  add("2x2, stride 2", 3, { input: [6, 8], kernel: [2, 2], output: [3, 4], stride: [2, 2] });
  add("3x3, padded", 2, { input: [5, 7], kernel: [3, 3], output: [5, 7], pad: [1, 1] });
  add("dilation 2", 1, {
    ...{ input: [7, 9], kernel: [3, 2], output: [5, 9], dilation: [2, 2], pad: [1, 1] },
  });
  add("3-D", 2, {
    ...{ input: [3, 4, 5], kernel: [2, 3, 2], output: [2, 2, 3], stride: [2, 2, 2] },
    pad: [0, 1, 1],
  });
  const lone = { kernel: [2, 2], output: [2, 3], stride: [2, 2] };
  add("special values", 1, { ...lone, input: [4, 6] }, mixed);
  add(
    "special values, padded",
    1,
    {
      ...{ input: [4, 6], kernel: [3, 3], output: [4, 6], pad: [1, 1] },
    },
    mixed,
  );
  add("windows without elements", 1, {
    ...{ input: [2], kernel: [2], output: [4], stride: [2], pad: [3] },
  });
  add(
    "sums that cancel",
    1,
    {
      ...{ input: [9, 9], kernel: [4, 4], output: [6, 6] },
    },
    floatsBy("wide", 41_900, 81),
  );
  return vectors;
}
