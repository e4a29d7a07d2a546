/**
 * Operators that become many canonical ones, run beside a plain formulation in binary64: recurrent
 * layers, Fourier transforms, and those of ai.onnx.ml.
 */
import t from "tap";
import { type Random, randomInteger, seededRandom } from "../src/base/random.js";
import { float32, int64, Session, type Tensor, tensor } from "../src/compute/engine/session.js";
import { failure } from "./failure.js";
import { type AttributeParts, writeModel } from "./onnx-writer.js";

type Attributes = Readonly<Record<string, AttributeParts>>;

function drawn(random: Random, shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return float32(
    shape,
    Float32Array.from({ length: count }, () => randomInteger(random, 2001) / 1000 - 1),
  );
}

/** One operator on tensors; a missing one is left out. */
function compile(
  operator: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  outputs: number,
) {
  const names = inputs.map((input, index) => (input === undefined ? "" : `in${index}`));
  const domain = operator.includes(".") ? "ai.onnx.ml" : "";
  const types = { float32: 1, int32: 6, int64: 7, float16: 10 };
  const named = inputs.flatMap((input, index) =>
    input === undefined ? [] : [{ name: `in${index}`, tensor: input }],
  );
  const out = Array.from({ length: outputs }, (_, index) => `out${index}`);
  const model = writeModel({
    nodes: [
      {
        operator: operator.slice(operator.lastIndexOf(".") + 1),
        inputs: names,
        outputs: out,
        domain,
        attributes,
      },
    ],
    inputs: named.map(({ name, tensor }) => ({
      name,
      type: types[tensor.dtype as keyof typeof types],
    })),
    outputs: out,
    learning: 2,
  });
  const shapes = named.map(({ name, tensor }) => [name, tensor.shape] as const);
  const session = Session.compile(model, Object.fromEntries(shapes));
  return { session, feeds: Object.fromEntries(named.map(({ name, tensor }) => [name, tensor])) };
}

async function outputsOf(...what: Parameters<typeof compile>): Promise<Tensor[]> {
  const { session, feeds } = compile(...what);
  return [...(await session.run(feeds)).outputs.values()];
}

function numbers(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data ?? [], Number);
}

/** The greatest difference; infinite where there are more or fewer elements. */
function errorOf(actual: Tensor | undefined, expected: readonly number[]): number {
  const found = numbers(actual);
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...expected.map((value, at) => Math.abs((found[at] as number) - value)));
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

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
}

const gatesOf = { RNN: 1, GRU: 3, LSTM: 4 };

/** ONNX's equations for one step of one sample and direction. */
function step(
  { operator, sizes: { hidden }, resetsLate }: Layer,
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
  if (operator === "RNN") return { state: units.map((i) => Math.tanh(sum(0, i))), cell: [] };
  if (operator === "GRU") {
    const reset = units.map((i) => sigmoid(sum(1, i)));
    const early = times(
      r,
      2 * hidden * hidden,
      hidden,
      units.map((i) => (reset[i] as number) * (state[i] as number)),
    );
    const next = units.map((i) => {
      const late = (reset[i] as number) * (at(back, 2, i) + at(b, 5, i));
      const part = resetsLate ? late : (early[i] as number) + at(b, 5, i);
      const proposal = Math.tanh(at(from, 2, i) + part + at(b, 2, i));
      const update = sigmoid(sum(0, i));
      return (1 - update) * proposal + update * (state[i] as number);
    });
    return { state: next, cell: [] };
  }
  const after = units.map((i) => {
    const before = cell[i] as number;
    const kept = sigmoid(sum(2, i) + at(p, 2, i) * before) * before;
    return kept + sigmoid(sum(0, i) + at(p, 0, i) * before) * Math.tanh(sum(3, i));
  });
  const next = units.map(
    (i) => sigmoid(sum(1, i) + at(p, 1, i) * (after[i] as number)) * Math.tanh(after[i] as number),
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
];
for (const layer of layers) {
  const { operator, resetsLate } = layer;
  t.test(`${operator}${resetsLate ? ", reset late," : ""} follows its equations`, async (t) => {
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

const learning = (
  operator: string,
  inputs: readonly Tensor[],
  attributes: Attributes,
  outputs = 1,
) => outputsOf(`ai.onnx.ml.${operator}`, inputs, attributes, outputs);
const matrix = (...numbers: number[]) =>
  float32([numbers.length / 2, 2], Float32Array.from(numbers));

t.test("features are prepared", async (t) => {
  const x = matrix(1, -3, 0, 0);
  const [scaled] = await learning("Scaler", [x], {
    offset: { floats: [1, 1] },
    scale: { floats: [2] },
  });
  t.same(numbers(scaled), [0, -8, -2, -2]);
  const norms: readonly [string, number[]][] = [
    ["MAX", [1, -3, 0, 0]],
    ["L1", [0.25, -0.75, 0, 0]],
    ["L2", [1 / Math.sqrt(10), -3 / Math.sqrt(10), 0, 0]],
  ];
  for (const [norm, expected] of norms) {
    t.ok(errorOf((await learning("Normalizer", [x], { norm }))[0], expected) < 1e-6, norm);
  }
  t.same(numbers((await learning("Binarizer", [x], {}))[0]), [1, 0, 0, 0]);
  const holes = matrix(Number.NaN, 2, 3, Number.NaN);
  const [filled] = await learning("Imputer", [holes], { imputed_value_floats: { floats: [7, 8] } });
  t.same(numbers(filled), [Number.NaN, 2, 3, Number.NaN], "only what is replaced");
  const [columns] = await learning(
    "ArrayFeatureExtractor",
    [x, int64([1], BigInt64Array.of(1n))],
    {},
  );
  t.same(numbers(columns), [-3, 0]);
  const joined = await learning("FeatureVectorizer", [x, x], { inputdimensions: [2, 2] });
  t.same(joined[0]?.shape, [2, 4]);
  const keys = { keys_int64s: [3, 4], values_floats: { floats: [0.5, 1.5] } };
  const [encoded] = await learning(
    "LabelEncoder",
    [int64([3], BigInt64Array.of(4n, 9n, 3n))],
    keys,
  );
  t.same(numbers(encoded), [1.5, -0, 0.5]);
  const [hot] = await learning("OneHotEncoder", [x], { cats_int64s: [0, 1] });
  t.same(numbers(hot), [0, 1, 0, 0, 1, 0, 1, 0]);
});

t.test("linear models and support vectors", async (t) => {
  const x = matrix(1, -3, 0.5, 2);
  const coefficients = { floats: [1, 2, 3, 4] };
  const intercepts = { floats: [0.5, -0.5] };
  const scores = [-4.5, -9.5, 5, 9];
  const regression = { coefficients, intercepts, targets: 2 };
  t.ok(errorOf((await learning("LinearRegressor", [x], regression))[0], scores) < 1e-5);
  const classes = {
    coefficients,
    intercepts,
    classlabels_ints: [7, 9],
    post_transform: "LOGISTIC",
  };
  const [labels, chances] = await learning("LinearClassifier", [x], classes, 2);
  t.same(numbers(labels), [7, 9]);
  t.ok(errorOf(chances, scores.map(sigmoid)) < 1e-6);
  const vectors = {
    kernel_type: "RBF",
    kernel_params: { floats: [0.5, 0, 3] },
    support_vectors: { floats: [0, 1, 1, -2] },
    coefficients: { floats: [2, -1] },
    rho: { floats: [0.25] },
    n_supports: 2,
  };
  const rbf = (a: number, b: number, c: number, d: number) =>
    Math.exp(-0.5 * ((a - c) ** 2 + (b - d) ** 2));
  const expected = [
    [1, -3],
    [0.5, 2],
  ].map(([a = 0, b = 0]) => 2 * rbf(a, b, 0, 1) - rbf(a, b, 1, -2) + 0.25);
  t.ok(errorOf((await learning("SVMRegressor", [x], vectors))[0], expected) < 1e-6);
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

t.test("what is not computed is refused by name", async (t) => {
  const x = matrix(1, 2);
  const refused: readonly [string, Attributes, RegExp][] = [
    ["LabelEncoder", { keys_strings: ["a"], values_int64s: [1] }, /no keys_floats/],
    ["LinearClassifier", { coefficients: { floats: [1, 2] } }, /by text/],
    ["LinearRegressor", { coefficients: { floats: [1, 2, 3] } }, /3 coefficients/],
    ["Normalizer", { norm: "L7" }, /L7/],
    ["OneHotEncoder", { cats_int64s: [1], zeros: 0 }, /does not know/],
    ["ZipMap", {}, /cannot be compiled: ai.onnx.ml.ZipMap/],
  ];
  for (const [operator, attributes, why] of refused) {
    const { message } = await failure(learning(operator, [x], attributes));
    t.match(message, why, operator);
  }
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
    { direction: "sideways" },
    { activations: ["Step", "Tanh", "Tanh"] },
  ]) {
    t.match((await failure(outputsOf(...layer, attributes, 1))).code, /^MODEL_/);
  }
});
