/** Operators of ai.onnx.ml, run beside a plain formulation in binary64. */
import t from "tap";
import { float32, int64, type Tensor } from "../src/compute/engine/session.js";
import { failure } from "./failure.js";
import { type Attributes, errorOf, numbers, outputsOf, sigmoid } from "./one-operator.js";

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

const machine = {
  classlabels_ints: [4, 2, 9],
  vectors_per_class: [2, 1, 1],
  kernel_type: "LINEAR",
  support_vectors: { floats: [1, 0, 0, 1, -1, 0, 0, -1] },
  // Of each vector the weight against the one other class, then against the second other one.
  coefficients: { floats: [1, 0.5, -2, -1, 2, 0.25, 0.5, -0.5] },
  rho: { floats: [0.5, -0.25, 1] },
};

/** Of x and y: the decisions between 4 and 2, 4 and 9, 2 and 9. */
const decided = (x: number, y: number) => [
  x + 0.5 * y - 2 * -x + 0.5,
  2 * x + 0.25 * y - 1 * -y - 0.25,
  0.5 * -x - 0.5 * -y + 1,
];

t.test("support vectors tell each two classes apart, and classes have votes", async (t) => {
  const x = matrix(1, 1, -2, -3, -1, 2, 0.25, -0.5);
  const rows = [0, 2, 4, 6].map((at) => numbers(x).slice(at, at + 2) as [number, number]);
  const decisions = rows.map((row) => decided(...row));
  const votes = decisions.map(([a = 0, b = 0, c = 0]) => {
    const counts = [Number(a > 0) + Number(b > 0), Number(a <= 0) + Number(c > 0)];
    return machine.classlabels_ints[
      [...counts, Number(b <= 0) + Number(c <= 0)].reduce(
        (best, count, at, all) => (count > (all[best] as number) ? at : best),
        0,
      )
    ] as number;
  });
  const classify = (more: Attributes) => learning("SVMClassifier", [x], { ...machine, ...more }, 2);
  const [labels, scores] = await classify({});
  t.same(numbers(labels), votes);
  t.ok(errorOf(scores, decisions.flat()) < 1e-5);
  const [, logistic] = await classify({ post_transform: "LOGISTIC" });
  t.ok(errorOf(logistic, decisions.flat().map(sigmoid)) < 1e-5);
  const chances = { prob_a: { floats: [-2, -1, -1] }, prob_b: { floats: [0, 0.5, -0.25] } };
  const [same, found] = await classify(chances);
  t.same(numbers(same), votes, "chances choose no label");
  t.same(found?.shape, [4, 3]);
  for (const [row, [a = 0, b = 0, c = 0]] of decisions.entries()) {
    const p = numbers(found).slice(row * 3, row * 3 + 3) as [number, number, number];
    t.ok(Math.abs(p[0] + p[1] + p[2] - 1) < 1e-5);
    // Where the form is least its slopes are equal.
    const r = [2 * a, b - 0.5, c + 0.25].map(sigmoid) as [number, number, number];
    const apart = [(1 - r[0]) * p[0] - r[0] * p[1], (1 - r[1]) * p[0] - r[1] * p[2]];
    const last = (1 - r[2]) * p[1] - r[2] * p[2];
    const [ab = 0, ac = 0] = apart;
    const slopes = [
      (1 - r[0]) * ab + (1 - r[1]) * ac,
      -r[0] * ab + (1 - r[2]) * last,
      -r[1] * ac - r[2] * last,
    ];
    t.ok(Math.max(...slopes) - Math.min(...slopes) < 0.01);
  }
  const two = {
    classlabels_ints: [0, 1],
    vectors_per_class: [1, 1],
    support_vectors: { floats: [1, 0, 0, 1] },
    coefficients: { floats: [1, -1] },
    rho: { floats: [0.5] },
  };
  const [first, pair] = await classify(two);
  const alone = rows.map(([a, b]) => a - b + 0.5);
  t.same(
    numbers(first),
    alone.map((score) => (score > 0 ? 0 : 1)),
  );
  t.ok(
    errorOf(
      pair,
      alone.flatMap((score) => [-score, score]),
    ) < 1e-5,
  );
});

t.test("what is not computed is refused by name", async (t) => {
  const x = matrix(1, 2);
  const linear = { coefficients: { floats: [1, 2, 3, 4] }, classlabels_ints: [0, 1] };
  const refused: readonly [string, Attributes, RegExp][] = [
    ["LabelEncoder", { keys_strings: ["a"], values_int64s: [1] }, /no keys_floats/],
    ["LinearClassifier", { coefficients: { floats: [1, 2] } }, /by text/],
    ["LinearRegressor", { coefficients: { floats: [1, 2, 3] } }, /3 coefficients/],
    ["Normalizer", { norm: "L7" }, /L7/],
    ["OneHotEncoder", { cats_int64s: [1], zeros: 0 }, /does not know/],
    [
      "LinearClassifier",
      { ...linear, post_transform: "PROBIT" },
      /by PROBIT, which each program approximates in its own way/,
    ],
    ["SVMClassifier", { classlabels_ints: [1, 2] }, /no support vectors/],
    ["SVMClassifier", { ...machine, rho: { floats: [1] } }, /1 numbers in rho for 3 pairs/],
    ["SVMClassifier", { ...machine, coefficients: { floats: [1] } }, /1 coefficients and not 8/],
    ["SVMClassifier", { ...machine, classlabels_ints: [1, 2] }, /of 3 classes and labels of 2/],
    [
      "SVMClassifier",
      { ...machine, classlabels_ints: [...new Array(129).keys()] },
      /tells 129 classes apart/,
    ],
    ["SVMRegressor", { post_transform: "PROBIT" }, /single score by PROBIT/],
    ["ZipMap", {}, /cannot be compiled: ai.onnx.ml.ZipMap/],
  ];
  for (const [operator, attributes, why] of refused) {
    const { message } = await failure(learning(operator, [x], attributes));
    t.match(message, why, operator);
  }
});
