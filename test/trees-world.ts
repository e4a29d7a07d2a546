import { QuipuError } from "../src/base/errors.js";
import type { TreeAttributes } from "../src/compute/tensor/lower/flat-trees.js";

export const wrong = (what: string): QuipuError =>
  new QuipuError("MODEL_INVALID", `the node ${what}`);

/** Two trees: 1 ≤ x0 ? 10 to target 0 : (x1 > 2 ? 20 : nothing), and a lone leaf. */
export const small: TreeAttributes = {
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

const comparisons: Readonly<Record<string, (x: number, value: number) => boolean>> = {
  BRANCH_LEQ: (x, value) => x <= value,
  BRANCH_LT: (x, value) => x < value,
  BRANCH_GTE: (x, value) => x >= value,
  BRANCH_GT: (x, value) => x > value,
  BRANCH_EQ: (x, value) => x === value,
  BRANCH_NEQ: (x, value) => x !== value,
};

/** The same from the model's lists. */
export function walkLists(trees: TreeAttributes, row: readonly number[]): [number, number][] {
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

/** Grown from random bits: nodes numbered in order, some branches leading to one node together. */
export function grow(bits: readonly number[]): TreeAttributes {
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
