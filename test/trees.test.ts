/** Tree ensembles on their way to the kernel: the same walks as the model's lists, and bad models. */
import fc from "fast-check";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import { type Backend, float32, Session } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { compileModel } from "../src/compute/tensor/compile.js";
import {
  type FlatTrees,
  flattenClasses,
  flattenTrees,
  type TreeAttributes,
} from "../src/compute/tensor/lower/flat-trees.js";
import { failure } from "./failure.js";
import { type NodeParts, writeModel } from "./onnx-writer.js";

const wrong = (what: string): QuipuError => new QuipuError("MODEL_INVALID", `the node ${what}`);

/** Two trees: 1 ≤ x0 ? 10 to target 0 : (x1 > 2 ? 20 : nothing), and a lone leaf. */
const small: TreeAttributes = {
  treeIds: [7, 7, 7, 7, 7, 3],
  nodeIds: [0, 1, 2, 3, 4, 0],
  featureIds: [0, 0, 1, 0, 0, 0],
  modes: ["BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "LEAF"],
  values: [1, 0, 2, 0, 0, 0],
  trueIds: [1, 0, 3, 0, 0, 0],
  falseIds: [2, 0, 4, 0, 0, 0],
  missingTracksTrue: [0, 0, 1, 0, 0, 0],
  weightTreeIds: [7, 7, 3, 7],
  weightNodeIds: [3, 1, 0, 1],
  weightTargets: [0, 0, 1, 1],
  weights: [20, 10, 5, 11],
  targets: 2,
  base: [],
};

/** What the kernel does, in terms of its words: the weights of each tree's leaf, in order. */
function walk(flat: FlatTrees, row: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  const values = new Float32Array(flat.nodes.buffer);
  const weights = new Float32Array(flat.weights.buffer);
  const word = (at: number): number => flat.nodes[at] as number;
  for (const root of flat.roots) {
    let node = root;
    while ((word(4 * node) & 16) === 0) {
      const x = row[word(4 * node) >>> 5] as number;
      const value = values[4 * node + 1] as number;
      const relation = x < value ? 1 : x === value ? 2 : x > value ? 4 : 8;
      const next = word(4 * node + ((word(4 * node) & relation) !== 0 ? 2 : 3));
      if (next <= node || next >= flat.nodes.length / 4) throw new Error("a walk that may not end");
      node = next;
    }
    for (let at = word(4 * node + 2); at < word(4 * node + 3); at++) {
      found.push([flat.weights[2 * at] as number, weights[2 * at + 1] as number]);
    }
  }
  return found;
}

const comparisons: Readonly<Record<string, (x: number, value: number) => boolean>> = {
  BRANCH_LEQ: (x, value) => x <= value,
  BRANCH_LT: (x, value) => x < value,
  BRANCH_GTE: (x, value) => x >= value,
  BRANCH_GT: (x, value) => x > value,
  BRANCH_EQ: (x, value) => x === value,
  BRANCH_NEQ: (x, value) => x !== value,
};

/** The same from the model's lists. */
function walkLists(trees: TreeAttributes, row: readonly number[]): [number, number][] {
  const ids = [...new Set(trees.treeIds)].sort((a, b) => a - b);
  return ids.flatMap((tree) => {
    const find = (id: number): number =>
      trees.nodeIds.findIndex((other, at) => other === id && trees.treeIds[at] === tree);
    let node = find(0);
    for (;;) {
      const compare = comparisons[trees.modes[node] as string];
      if (compare === undefined) break;
      const x = row[trees.featureIds[node] as number] as number;
      const missing = Number.isNaN(x) && trees.missingTracksTrue[node] === 1;
      const holds = missing || compare(x, trees.values[node] as number);
      node = find((holds ? trees.trueIds : trees.falseIds)[node] as number);
    }
    return trees.weights.flatMap((weight, at): [number, number][] =>
      trees.weightTreeIds[at] === tree && trees.weightNodeIds[at] === trees.nodeIds[node]
        ? [[trees.weightTargets[at] as number, weight]]
        : [],
    );
  });
}

t.test("a small ensemble, word for word", async (t) => {
  const flat = flattenTrees(small, wrong);
  t.same([...flat.roots], [0, 1], "trees by ascending number");
  t.equal(flat.features, 2);
  t.equal(flat.base, undefined);
  const two = new Int32Array(Float32Array.of(2).buffer)[0];
  const one = new Int32Array(Float32Array.of(1).buffer)[0];
  const nodes = [
    [16, 0, 0, 1],
    [3, one, 2, 3],
    [16, 0, 1, 3],
    [32 | 4 | 8, two, 4, 5],
    [16, 0, 3, 4],
    [16, 0, 4, 4],
  ];
  t.same([...flat.nodes], nodes.flat());
  t.same([...flat.weights.filter((_, at) => at % 2 === 0)], [1, 0, 1, 0]);
  t.same(
    [...new Float32Array(flat.weights.buffer).filter((_, at) => at % 2 === 1)],
    [5, 10, 11, 20],
  );
  t.same(
    walk(flat, [2, Number.NaN]),
    [
      [1, 5],
      [0, 20],
    ],
    "a missing value goes where its branch says",
  );
});

/** Grown from random bits: nodes numbered in order, some branches leading to one node together. */
function grow(bits: readonly number[]): TreeAttributes {
  const lists = structuredClone({ ...small, base: [1, 2] }) as {
    -readonly [K in keyof TreeAttributes]: TreeAttributes[K] extends readonly (infer E)[]
      ? E[]
      : TreeAttributes[K];
  };
  for (const list of Object.values(lists))
    if (Array.isArray(list) && list !== lists.base) list.length = 0;
  let at = 0;
  const draw = (below: number): number => (bits[at++ % bits.length] as number) % below;
  const node = (tree: number, ids: { next: number }, depth: number): number => {
    const id = ids.next++;
    const row = lists.treeIds.push(tree) - 1;
    lists.nodeIds.push(id);
    lists.featureIds.push(draw(3));
    lists.values.push([-1, 0, 0.5, Number.NaN, Number.POSITIVE_INFINITY][draw(5)] as number);
    lists.missingTracksTrue.push(draw(2));
    const isLeaf = depth === 0 || draw(4) === 0;
    lists.modes.push(isLeaf ? "LEAF" : (Object.keys(comparisons)[draw(6)] as string));
    const yes = isLeaf ? 0 : node(tree, ids, depth - 1);
    const no = isLeaf ? 0 : draw(4) === 0 ? yes : node(tree, ids, depth - 1);
    lists.trueIds[row] = yes;
    lists.falseIds[row] = no;
    for (let count = draw(3); count > 0; count--) {
      lists.weightTreeIds.push(tree);
      lists.weightNodeIds.push(id);
      lists.weightTargets.push(draw(2));
      lists.weights.push(draw(100));
    }
    return id;
  };
  for (let tree = draw(4); tree >= 0; tree--) node(tree, { next: 0 }, draw(6));
  return lists;
}

t.test("random ensembles walk as their lists say", async (t) => {
  const feature = fc.constantFrom(-1, -0, 0, 0.25, 0.5, 1, Number.NaN, Number.NEGATIVE_INFINITY);
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 20, maxLength: 400 }),
      fc.array(fc.tuple(feature, feature, feature), { minLength: 5, maxLength: 5 }),
      (bits, rows) => {
        const trees = grow(bits);
        const flat = flattenTrees(trees, wrong);
        for (const row of rows) t.strictSame(walk(flat, row), walkLists(trees, row));
      },
    ),
    { numRuns: 300 },
  );
});

t.test("a chain of nodes as deep as a model may be", async (t) => {
  const depth = 200_000;
  const count = 2 * depth + 1;
  const ids = Array.from({ length: count }, (_, at) => at);
  const isLeaf = (at: number): boolean => at % 2 === 1 || at === count - 1;
  const flat = flattenTrees(
    {
      ...small,
      treeIds: ids.map(() => 0),
      nodeIds: ids,
      featureIds: ids.map(() => 0),
      modes: ids.map((at) => (isLeaf(at) ? "LEAF" : "BRANCH_LT")),
      values: ids.map(() => 0),
      trueIds: ids.map((at) => (isLeaf(at) ? 0 : at + 1)),
      falseIds: ids.map((at) => (isLeaf(at) ? 0 : at + 2)),
      missingTracksTrue: [],
      weightTreeIds: [0],
      weightNodeIds: [count - 1],
      weightTargets: [0],
      weights: [1],
    },
    wrong,
  );
  t.same(walk(flat, [1]), [[0, 1]]);
});

t.test("classes", async (t) => {
  const class1 = { ...small, weightTargets: [1, 1, 1, 1] };
  const binary = flattenClasses({ ...class1, base: [3, 4] }, wrong);
  t.match(binary, { isBinary: true, isProbability: true, targets: 1 });
  t.same(binary.base, [4]);
  t.same([...binary.weights.filter((_, at) => at % 2 === 0)], [0, 0, 0, 0]);
  const mixed = flattenClasses({ ...class1, weights: [1, -1, 1, 1] }, wrong);
  t.match(mixed, { isBinary: true, isProbability: false, base: undefined });
  t.match(flattenClasses(small, wrong), { isBinary: false, targets: 2 });
  t.throws(() => flattenClasses({ ...class1, weightTargets: [2, 2, 2, 2] }, wrong), {
    code: "MODEL_INVALID",
  });
});

t.test("what is no ensemble is refused, and where it is wrong is said", async (t) => {
  const put = <T>(list: readonly T[], at: number, item: T): T[] => list.with(at, item);
  const cases: readonly [Partial<TreeAttributes>, RegExp][] = [
    [{ values: [1] }, /unequal lengths: treeIds 6, .*values 1/],
    [{ missingTracksTrue: [1] }, /missingTracksTrue 1/],
    [{ weights: [1] }, /weights 1/],
    [{ targets: 0 }, /has 0 targets/],
    [{ base: [1] }, /1 base values for 2 targets/],
    [{ modes: put(small.modes, 2, "BRANCH_MEMBER") }, /mode BRANCH_MEMBER at node 2 of tree 7/],
    [{ modes: put(small.modes, 2, "toString") }, /mode toString/],
    [{ featureIds: put(small.featureIds, 2, -1) }, /feature -1 at node 2 of tree 7/],
    [{ featureIds: put(small.featureIds, 2, 2 ** 27) }, /feature 134217728/],
    [{ nodeIds: put(small.nodeIds, 2, 1) }, /node 1 of tree 7 twice/],
    [{ trueIds: put(small.trueIds, 0, 9) }, /from node 0 of tree 7 to node 9, which is not there/],
    [{ falseIds: put(small.falseIds, 2, 0) }, /tree 7 that goes in a circle/],
    [{ falseIds: put(small.falseIds, 2, 2) }, /circle|several roots/],
    [{ falseIds: put(small.falseIds, 0, 1) }, /tree 7 with several roots: nodes 0, 2/],
    [{ weightNodeIds: put(small.weightNodeIds, 2, 4) }, /weighs node 4 of tree 3/],
    [{ weightTargets: put(small.weightTargets, 2, 2) }, /target 2 of 2/],
  ];
  for (const [change, message] of cases) {
    t.throws(() => flattenTrees({ ...small, ...change }, wrong), {
      code: "MODEL_INVALID",
      message,
    });
  }
  const none = Object.fromEntries(
    Object.entries(small).map(([name, value]) => [name, Array.isArray(value) ? [] : value]),
  ) as unknown as TreeAttributes;
  t.throws(() => flattenTrees(none, wrong), { code: "MODEL_INVALID", message: /no nodes/ });
  const apart = { treeIds: small.treeIds.map(() => 7), nodeIds: put(small.nodeIds, 5, 5) };
  const circle = {
    ...apart,
    modes: put(small.modes, 5, "BRANCH_LT"),
    trueIds: put(small.trueIds, 5, 5),
    falseIds: put(small.falseIds, 5, 5),
    weightTreeIds: [],
    weightNodeIds: [],
    weightTargets: [],
    weights: [],
  };
  t.throws(() => flattenTrees({ ...small, ...circle }, wrong), { message: /circle/ });
});

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
