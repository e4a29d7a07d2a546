/**
 * Operators that become many canonical ones, run beside a plain formulation in binary64: recurrent
 * layers, Fourier transforms, places of integers.
 */
import t from "tap";
import { seededRandom } from "../src/base/random.js";
import { int64, type Tensor, tensor } from "../src/compute/engine/session.js";
import { failure } from "./failure.js";
import { type Attributes, drawn, errorOf, numbers, outputsOf, sigmoid } from "./one-operator.js";

/** Rows of a matrix that lies from `at` on, times a vector. */
function times(matrix: readonly number[], at: number, rows: number, vector: readonly number[]) {
  const size = vector.length;
  return Array.from({ length: rows }, (_, row) =>
    vector.reduce((sum, x, column) => sum + x * (matrix[at + row * size + column] as number), 0),
  );
}

interface Layer {
  readonly operator: "RNN" | "GRU" | "LSTM";
  readonly sizes: { times: number; batch: number; input: number; hidden: number };
  readonly resetsLate?: boolean;
  readonly clip?: number;
}

const gatesOf = { RNN: 1, GRU: 3, LSTM: 4 };

/** ONNX's equations for one step of one sample and direction. */
function step(
  { operator, sizes: { hidden }, resetsLate, clip = Number.POSITIVE_INFINITY }: Layer,
  x: readonly number[],
  weights: readonly number[][],
  state: readonly number[],
  cell: readonly number[],
): { state: number[]; cell: number[] } {
  const [w, r, b, p] = weights as [number[], number[], number[], number[]];
  const gates = gatesOf[operator];
  const from = times(w, 0, gates * hidden, x);
  const back = times(r, 0, gates * hidden, state);
  const at = (values: readonly number[], gate: number, i: number) =>
    values[gate * hidden + i] as number;
  const bias = (gate: number, i: number) => at(b, gate, i) + at(b, gates + gate, i);
  const sum = (gate: number, i: number) => at(from, gate, i) + at(back, gate, i) + bias(gate, i);
  const units = [...state.keys()];
  const bounded = (x: number) => Math.min(Math.max(x, -clip), clip);
  const f = (x: number) => sigmoid(bounded(x));
  const g = (x: number) => Math.tanh(bounded(x));
  if (operator === "RNN") return { state: units.map((i) => g(sum(0, i))), cell: [] };
  if (operator === "GRU") {
    const reset = units.map((i) => f(sum(1, i)));
    const early = times(
      r,
      2 * hidden * hidden,
      hidden,
      units.map((i) => (reset[i] as number) * (state[i] as number)),
    );
    const next = units.map((i) => {
      const late = (reset[i] as number) * (at(back, 2, i) + at(b, 5, i));
      const part = resetsLate ? late : (early[i] as number) + at(b, 5, i);
      const proposal = g(at(from, 2, i) + part + at(b, 2, i));
      const update = f(sum(0, i));
      return (1 - update) * proposal + update * (state[i] as number);
    });
    return { state: next, cell: [] };
  }
  const after = units.map((i) => {
    const before = cell[i] as number;
    const kept = f(sum(2, i) + at(p, 2, i) * before) * before;
    return kept + f(sum(0, i) + at(p, 0, i) * before) * g(sum(3, i));
  });
  const next = units.map(
    (i) => f(sum(1, i) + at(p, 1, i) * (after[i] as number)) * Math.tanh(after[i] as number),
  );
  return { state: next, cell: after };
}

/** All outputs of the layer: [times, directions, batch, hidden], and the last state. */
function ran(layer: Layer, inputs: readonly Tensor[], lengths: readonly number[]) {
  const { times: steps, batch, input, hidden } = layer.sizes;
  const [x, ...weights] = inputs.map(numbers) as [number[], ...number[][]];
  const outputs = new Array<number>(steps * 2 * batch * hidden).fill(0);
  const last = new Array<number>(2 * batch * hidden).fill(0);
  for (const [direction, sample] of [0, 1].flatMap((d) => lengths.map((_, n) => [d, n] as const))) {
    const mine = weights.map((all) =>
      all.slice((direction * all.length) / 2, ((direction + 1) * all.length) / 2),
    );
    let now = { state: new Array<number>(hidden).fill(0), cell: new Array<number>(hidden).fill(0) };
    const order = [...new Array(lengths[sample]).keys()];
    for (const time of direction === 0 ? order : order.reverse()) {
      const first = (time * batch + sample) * input;
      now = step(layer, x.slice(first, first + input), mine, now.state, now.cell);
      const to = ((time * 2 + direction) * batch + sample) * hidden;
      for (const [i, value] of now.state.entries()) outputs[to + i] = value;
    }
    for (const [i, value] of now.state.entries())
      last[(direction * batch + sample) * hidden + i] = value;
  }
  return { outputs, last };
}

const sizes = { times: 5, batch: 3, input: 4, hidden: 6 };
const layers: readonly Layer[] = [
  { operator: "RNN", sizes },
  { operator: "GRU", sizes },
  { operator: "GRU", sizes, resetsLate: true },
  { operator: "LSTM", sizes },
  { operator: "RNN", sizes, clip: 0.3 },
  { operator: "GRU", sizes, clip: 0.3 },
  { operator: "LSTM", sizes, clip: 0.2 },
];
for (const layer of layers) {
  const { operator, resetsLate, clip } = layer;
  const how = `${resetsLate ? ", reset late," : ""}${clip ? ", clipped," : ""}`;
  t.test(`${operator}${how} follows its equations`, async (t) => {
    const random = seededRandom(5);
    const gates = gatesOf[operator];
    const { times: steps, batch, input, hidden } = sizes;
    const x = drawn(random, [steps, batch, input]);
    const w = drawn(random, [2, gates * hidden, input]);
    const r = drawn(random, [2, gates * hidden, hidden]);
    const b = drawn(random, [2, 2 * gates * hidden]);
    const p = drawn(random, [2, 3 * hidden]);
    const lengths = tensor("int32", [batch], Int32Array.of(5, 1, 3));
    const attributes = {
      hidden_size: hidden,
      direction: "bidirectional",
      ...(resetsLate ? { linear_before_reset: 1 } : {}),
      ...(clip === undefined ? {} : { clip: { float: clip } }),
    };
    const more = operator === "LSTM" ? [undefined, undefined, p] : [];
    const [y, last] = await outputsOf(operator, [x, w, r, b, lengths, ...more], attributes, 2);
    const expected = ran(layer, [x, w, r, b, p], numbers(lengths));
    t.ok(errorOf(y, expected.outputs) < 1e-5);
    t.ok(errorOf(last, expected.last) < 1e-5);
  });
}

t.test("a transform is its sum of cosines and sines", async (t) => {
  const signal = drawn(seededRandom(6), [2, 12, 1]);
  const [y] = await outputsOf("DFT", [signal], { onesided: 1 }, 1);
  const expected = numbers(signal).flatMap((_, at, all) => {
    const [row, frequency] = [Math.floor(at / 12), at % 12];
    if (frequency > 6) return [];
    const turn = (n: number) => (2 * Math.PI * n * frequency) / 12;
    const samples = all.slice(row * 12, row * 12 + 12);
    const part = (of: (angle: number) => number) =>
      samples.reduce((sum, x, n) => sum + x * of(turn(n)), 0);
    return [part(Math.cos), -part(Math.sin)];
  });
  t.ok(errorOf(y, expected) < 1e-5);
});

t.test("places of extremes among integers that no binary32 tells apart", async (t) => {
  const many = [2n ** 40n, 2n ** 40n + 1n, -(2n ** 40n), 2n ** 40n + 1n, -(2n ** 40n) - 1n];
  const wide = int64([1, 5], BigInt64Array.from(many));
  const few = [2 ** 30, 2 ** 30 + 1, -(2 ** 30), 2 ** 30 + 1, -(2 ** 30) - 1];
  const narrow = tensor("int32", [1, 5], Int32Array.from(few));
  for (const x of [wide, narrow]) {
    const place = async (operator: string, attributes: Attributes) =>
      numbers((await outputsOf(operator, [x], { axis: 1, keepdims: 0, ...attributes }, 1))[0]);
    t.same(await place("ArgMax", {}), [1]);
    t.same(await place("ArgMax", { select_last_index: 1 }), [3]);
    t.same(await place("ArgMin", {}), [4]);
  }
});

t.test("halves are rounded once, however many are added", async (t) => {
  // 2048 + 1 would be 2048 again.
  const halves = [0x6800, 0x3c00, 0x3c00].map((bits) =>
    tensor("float16", [1], Uint16Array.of(bits)),
  );
  for (const [operator, bits] of [
    ["Sum", 0x6801], // 2050
    ["Mean", 0x6157], // 683.5
    ["Max", 0x6800],
  ] as const) {
    const [result] = await outputsOf(operator, halves, {}, 1);
    t.same([...(result?.data ?? [])], [bits], operator);
  }
});

t.test("layers that are not computed are refused", async (t) => {
  const layer = [
    "LSTM",
    [
      [1, 1, 1],
      [1, 4, 1],
      [1, 4, 1],
    ].map((shape) => drawn(seededRandom(1), shape)),
  ] as const;
  for (const attributes of [
    { input_forget: 1 },
    { clip: { float: -1 } },
    { direction: "sideways" },
    { activations: ["Step", "Tanh", "Tanh"] },
  ]) {
    t.match((await failure(outputsOf(...layer, attributes, 1))).code, /^MODEL_/);
  }
});
