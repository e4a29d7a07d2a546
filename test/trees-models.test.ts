import t from "tap";
import { randomInteger, seededRandom } from "../src/base/random.js";
import { type Backend, float32, Session } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { compileModel } from "../src/compute/tensor/compile.js";
import { flattenTrees, type TreeAttributes } from "../src/compute/tensor/lower/flat-trees.js";
import { failure } from "./failure.js";
import { type NodeParts, writeModel } from "./onnx-writer.js";
import { grow, small, walkLists, wrong } from "./trees-world.js";

function treeNode(trees: TreeAttributes, weighed: "target" | "class", more: object): NodeParts {
  return {
    operator: weighed === "target" ? "TreeEnsembleRegressor" : "TreeEnsembleClassifier",
    domain: "ai.onnx.ml",
    inputs: ["x"],
    outputs: weighed === "target" ? ["scores"] : ["labels", "scores"],
    attributes: {
      nodes_treeids: trees.treeIds,
      nodes_nodeids: trees.nodeIds,
      nodes_featureids: trees.featureIds,
      nodes_modes: trees.modes,
      nodes_values: { floats: trees.values },
      nodes_truenodeids: trees.trueIds,
      nodes_falsenodeids: trees.falseIds,
      nodes_missing_value_tracks_true: trees.missingTracksTrue,
      [`${weighed}_treeids`]: trees.weightTreeIds,
      [`${weighed}_nodeids`]: trees.weightNodeIds,
      [`${weighed}_ids`]: trees.weightTargets,
      [`${weighed}_weights`]: { floats: trees.weights },
      base_values: { floats: trees.base },
      ...more,
    },
  };
}

function modelOf(node: NodeParts): Uint8Array {
  const inputs = [{ name: "x" }];
  return writeModel({ nodes: [node], inputs, outputs: node.outputs, learning: 3 });
}

const backends = capabilities({ probeCuda: false }).backends.filter((name) => name !== "cuda");

/** All outputs, the same from every backend and in pieces. */
async function run(node: NodeParts, rows: readonly (readonly number[])[]) {
  const x = float32([rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));
  const session = Session.compile(modelOf(node), { x: x.shape });
  const runs = [];
  for (const backend of backends as Backend[]) {
    for (const pieces of [0, 3]) {
      const { outputs } = await session.run({ x }, { backend, pieces });
      runs.push([...outputs.values()].map(({ data }) => Array.from(data as Float32Array, Number)));
    }
  }
  for (const other of runs.slice(1)) t.strictSame(other, runs[0]);
  return runs[0] as number[][];
}

const aggregates: Readonly<
  Record<string, (weights: number[], base: number, trees: number) => number>
> = {
  SUM: (weights, base) => weights.reduce((sum, weight) => Math.fround(sum + weight), base),
  AVERAGE: (weights, base, trees) => {
    const sum = weights.reduce((total, weight) => Math.fround(total + weight), 0);
    return Math.fround(Math.fround(sum / trees) + base);
  },
  MIN: (weights, base) => (weights.length === 0 ? base : Math.fround(Math.min(...weights) + base)),
  MAX: (weights, base) => (weights.length === 0 ? base : Math.fround(Math.max(...weights) + base)),
};

t.test("models of trees, from their file to the bits of every backend", async (t) => {
  const draw = seededRandom(7);
  const numbers = (count: number): number[] =>
    Array.from({ length: count }, () => randomInteger(draw, 1 << 30));
  const value = [-1, 0, 0.25, 0.5, 1, Number.NaN, Number.NEGATIVE_INFINITY];
  for (const [name, aggregate] of Object.entries(aggregates)) {
    const grown = grow(numbers(300));
    const trees = { ...grown, weights: grown.weights.map((weight) => Math.fround(weight / 7)) };
    const rows = Array.from({ length: 50 }, () =>
      numbers(3).map((number) => value[number % value.length] as number),
    );
    const wanted = rows.flatMap((row) => {
      const found = walkLists(trees, row);
      return trees.base.map((base, target) =>
        aggregate(
          found.filter(([of]) => of === target).map(([, weight]) => weight),
          base,
          new Set(trees.treeIds).size,
        ),
      );
    });
    const node = treeNode(trees, "target", { n_targets: 2, aggregate_function: name });
    t.strictSame(await run(node, rows), [wanted], name);
  }
});

t.test("classes of models of trees", async (t) => {
  const row = [
    [0, 0],
    [2, 9],
    [2, 0],
  ];
  const many = { ...small, weightTargets: [0, 2, 1, 1], weights: [20, 10, 5, 11] };
  t.same(await run(treeNode(many, "class", { classlabels_int64s: [7, 8, 9] }), row), [
    [8, 7, 8],
    [0, 16, 10, 20, 5, 0, 0, 5, 0],
  ]);
  const binary = { ...small, weightTargets: [1, 1, 1, 1], weights: [0.25, 0.5, 0.125, 0] };
  const labels = { classlabels_int64s: [0, 1] };
  t.same(
    await run(treeNode(binary, "class", labels), row),
    [
      [1, 0, 0],
      [0.375, 0.625, 0.625, 0.375, 0.875, 0.125],
    ],
    "probabilities",
  );
  const signed = { ...binary, weights: [-0.25, 0.5, 0.125, 0] };
  t.same(
    await run(treeNode(signed, "class", labels), row),
    [
      [1, 0, 1],
      [-0.625, 0.625, 0.125, -0.125, -0.125, 0.125],
    ],
    "margins",
  );
  const logistic = { ...labels, post_transform: "LOGISTIC" };
  const [of, scores] = await run(treeNode({ ...signed, base: [9, 1] }, "class", logistic), row);
  t.same(of, [1, 1, 1]);
  const margins = [1.625, 0.875, 1.125].flatMap((margin) => [-margin, margin]);
  for (const [at, margin] of margins.entries()) {
    t.ok(Math.abs((scores?.[at] as number) - 1 / (1 + Math.exp(-margin))) < 1e-6);
  }
});

t.test("models of trees that are refused", async (t) => {
  const x = float32([1, 2], new Float32Array(2));
  const refusal = (node: NodeParts, input = x) =>
    failure(Promise.resolve().then(() => Session.compile(modelOf(node), { x: input.shape })));
  const regressor = (more: object, trees = small) =>
    treeNode(trees, "target", { n_targets: 2, ...more });
  t.match(await refusal(regressor({ n_targets: 0 })), { code: "MODEL_INVALID" });
  t.match(await refusal(regressor({ aggregate_function: "MEDIAN" })), { message: /MEDIAN/ });
  t.match(await refusal(regressor({ post_transform: "PROBIT" })), { code: "MODEL_UNSUPPORTED" });
  t.match(await refusal(regressor({ nodes_values_as_tensor: 1 })), { code: "MODEL_UNSUPPORTED" });
  t.match(await refusal(regressor({}), float32([1, 1], new Float32Array(1))), {
    code: "SHAPE_MISMATCH",
    message: /2 features/,
  });
  const classes = (more: object) => refusal(treeNode(small, "class", more));
  t.match(await classes({ classlabels_int64s: [1] }), { code: "MODEL_UNSUPPORTED" });
  t.match(await classes({ classlabels_strings: ["a", "b"] }), { message: /by text/ });
});

t.test("a program whose trees would leave their memory is refused", async (t) => {
  const model = modelOf(treeNode(small, "target", { n_targets: 2 }));
  const { program } = compileModel(model, { x: [1, 2] });
  const { nodes } = flattenTrees(small, wrong);
  const at = Buffer.from(program).indexOf(Buffer.from(nodes.buffer));
  t.ok(at > 0);
  new NativeProgram(program, 1 << 20);
  for (const [word, value] of [
    [6, 0],
    [6, 6],
    [7, -1],
    [4, 2 << 5],
    [11, 99],
  ] as const) {
    const bad = Buffer.from(program);
    bad.writeInt32LE(value, at + 4 * word);
    t.throws(() => new NativeProgram(bad, 1 << 20), { code: "INVALID_ARGUMENT", message: /trees/ });
  }
});
