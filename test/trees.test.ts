/** Tree ensembles on their way to the kernel: the same walks as the model's lists, and bad models. */
import fc from "fast-check";
import t from "tap";
import {
  type FlatTrees,
  flattenClasses,
  flattenTrees,
  type TreeAttributes,
} from "../src/compute/tensor/lower/flat-trees.js";
import { grow, small, walkLists, wrong } from "./trees-world.js";

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
