/**
 * From the attributes of ai.onnx.ml's tree ensembles to the arrays that native/kernels/trees/trees.h
 * walks: every node after those that lead to it, trees by ascending number.
 */
import type { QuipuError } from "../../../base/errors.js";

/** Lists as the model has them; of one node or one weight where they name no other. */
export interface TreeAttributes {
  readonly treeIds: readonly number[];
  readonly nodeIds: readonly number[];
  readonly featureIds: readonly number[];
  readonly modes: readonly string[];
  readonly values: readonly number[];
  readonly trueIds: readonly number[];
  readonly falseIds: readonly number[];
  /** Empty where the model has none. */
  readonly missingTracksTrue: readonly number[];
  readonly weightTreeIds: readonly number[];
  readonly weightNodeIds: readonly number[];
  readonly weightTargets: readonly number[];
  readonly weights: readonly number[];
  readonly targets: number;
  /** Empty where the model has none. */
  readonly base: readonly number[];
}

export interface FlatTrees {
  /** A node for each tree. */
  readonly roots: Int32Array;
  /** Four words each: TreeNode. */
  readonly nodes: Int32Array;
  /** Two words each: TreeWeight. */
  readonly weights: Int32Array;
  /** One for each target, or none. */
  readonly base: Float32Array | undefined;
  readonly targets: number;
  /** How many a row must at least have. */
  readonly features: number;
}

export interface FlatClasses extends FlatTrees {
  /**
   * All weights are of one class of two, so there is one target: the score of the second class. The
   * first has one minus it when it `isProbability`, otherwise its opposite.
   */
  readonly isBinary: boolean;
  /** No weight is negative. */
  readonly isProbability: boolean;
}

type Wrong = (what: string) => QuipuError;

const [less, equal, greater, unordered, leaf] = [1, 2, 4, 8, 16] as const;
const featureShift = 5;
const featuresMax = 2 ** (32 - featureShift);

const modes: Readonly<Record<string, number>> = {
  LEAF: leaf,
  BRANCH_LEQ: less | equal,
  BRANCH_LT: less,
  BRANCH_GTE: greater | equal,
  BRANCH_GT: greater,
  BRANCH_EQ: equal,
  BRANCH_NEQ: less | greater | unordered,
};

/** `wrong` makes the error of what a model may not hold. */
export function flattenTrees(attributes: TreeAttributes, wrong: Wrong): FlatTrees {
  const { targets, base } = attributes;
  checkLengths(attributes, wrong);
  if (!Number.isSafeInteger(targets) || targets < 1) throw wrong(`has ${targets} targets`);
  if (base.length !== 0 && base.length !== targets) {
    throw wrong(`has ${base.length} base values for ${targets} targets`);
  }
  const forest = new Forest(attributes, wrong);
  const { roots, order } = forest.ordered();
  return {
    roots,
    ...forest.words(order),
    base: base.length === 0 ? undefined : Float32Array.from(base),
    targets,
    features: forest.features,
  };
}

/** `targets` is the number of classes. */
export function flattenClasses(attributes: TreeAttributes, wrong: Wrong): FlatClasses {
  const { targets, weightTargets, weights, base } = attributes;
  const isBinary = targets === 2 && new Set(weightTargets).size === 1;
  const one = { targets: 1, weightTargets: weightTargets.map(() => 0), base: base.slice(-1) };
  const inRange = weightTargets.every((target) => target === 0 || target === 1);
  if (isBinary && (!inRange || base.length > 2)) {
    throw wrong(`has weights of class ${weightTargets[0]} or ${base.length} base values`);
  }
  return {
    ...flattenTrees(isBinary ? { ...attributes, ...one } : attributes, wrong),
    isBinary,
    isProbability: weights.every((weight) => weight >= 0),
  };
}

function checkLengths(attributes: TreeAttributes, wrong: Wrong): void {
  const nodes = ["treeIds", "nodeIds", "featureIds", "modes", "values", "trueIds", "falseIds"];
  const weights = ["weightTreeIds", "weightNodeIds", "weightTargets", "weights"];
  const tracks = attributes.missingTracksTrue.length === 0 ? [] : ["missingTracksTrue"];
  for (const names of [[...nodes, ...tracks], weights]) {
    const lengths = names.map((name) => {
      return (attributes[name as keyof TreeAttributes] as readonly unknown[]).length;
    });
    if (new Set(lengths).size > 1) {
      const text = names.map((name, at) => `${name} ${lengths[at]}`).join(", ");
      throw wrong(`has lists of unequal lengths: ${text}`);
    }
  }
  if (attributes.treeIds.length === 0) throw wrong("has no nodes");
}

/** Nodes by their position in the model's lists. */
class Forest {
  features = 1;
  readonly #attributes: TreeAttributes;
  readonly #wrong: Wrong;
  /** Of each tree its nodes by number. */
  readonly #trees = new Map<number, Map<number, number>>();
  readonly #tests: Uint32Array;
  /** Two of each node: where it goes on when its test holds and when not. */
  readonly #next: Int32Array;

  constructor(attributes: TreeAttributes, wrong: Wrong) {
    const count = attributes.treeIds.length;
    this.#attributes = attributes;
    this.#wrong = wrong;
    this.#tests = new Uint32Array(count);
    this.#next = new Int32Array(2 * count);
    for (let node = 0; node < count; node++) this.#enter(node);
    for (let node = 0; node < count; node++) {
      if (this.#isLeaf(node)) continue;
      this.#next[2 * node] = this.#find(node, attributes.trueIds[node] as number);
      this.#next[2 * node + 1] = this.#find(node, attributes.falseIds[node] as number);
    }
  }

  /** The root of each tree, as a place in the order; and all nodes, each after those that lead to it. */
  ordered(): { roots: Int32Array; order: Int32Array } {
    const ids = [...this.#trees.keys()].sort((a, b) => a - b);
    const roots = new Int32Array(ids.length);
    const order = new Int32Array(this.#tests.length);
    let placed = 0;
    for (const [at, id] of ids.entries()) {
      const nodes = this.#trees.get(id) as Map<number, number>;
      roots[at] = placed;
      const finished = this.#finishedFrom(this.#rootOf(id, nodes), id);
      if (finished.length !== nodes.size) throw this.#cycle(id);
      for (const node of finished.reverse()) order[placed++] = node;
    }
    return { roots, order };
  }

  /** Nodes and weights as the kernel reads them. */
  words(order: Int32Array): { nodes: Int32Array; weights: Int32Array } {
    const place = new Int32Array(order.length);
    for (const [at, node] of order.entries()) place[node] = at;
    const { ends, weights } = this.#weightsBy(place);
    const nodes = new Int32Array(4 * order.length);
    const floats = new Float32Array(nodes.buffer);
    for (const [at, node] of order.entries()) {
      nodes[4 * at] = this.#tests[node] as number;
      if (this.#isLeaf(node)) {
        nodes[4 * at + 2] = at === 0 ? 0 : (ends[at - 1] as number);
        nodes[4 * at + 3] = ends[at] as number;
      } else {
        floats[4 * at + 1] = this.#attributes.values[node] || 0;
        nodes[4 * at + 2] = place[this.#next[2 * node] as number] as number;
        nodes[4 * at + 3] = place[this.#next[2 * node + 1] as number] as number;
      }
    }
    return { nodes, weights };
  }

  #isLeaf(node: number): boolean {
    return this.#tests[node] === leaf;
  }

  #nameOf(node: number): string {
    return `node ${this.#attributes.nodeIds[node]} of tree ${this.#attributes.treeIds[node]}`;
  }

  #cycle(tree: number): QuipuError {
    return this.#wrong(`has a tree ${tree} that goes in a circle`);
  }

  #enter(node: number): void {
    const { treeIds, nodeIds, featureIds, missingTracksTrue } = this.#attributes;
    const mode = this.#attributes.modes[node] as string;
    const relations = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
    if (relations === undefined) throw this.#wrong(`has the mode ${mode} at ${this.#nameOf(node)}`);
    const feature = featureIds[node] as number;
    if (relations === leaf) {
      this.#tests[node] = leaf;
    } else {
      if (!Number.isInteger(feature) || feature < 0 || feature >= featuresMax) {
        throw this.#wrong(`asks for feature ${feature} at ${this.#nameOf(node)}`);
      }
      this.features = Math.max(this.features, feature + 1);
      const missing = missingTracksTrue[node] === 1 ? unordered : 0;
      this.#tests[node] = feature * 2 ** featureShift + (this.#found(node, relations) | missing);
    }
    const tree = treeIds[node] as number;
    const nodes = this.#trees.get(tree) ?? new Map<number, number>();
    const id = nodeIds[node] as number;
    if (nodes.has(id)) throw this.#wrong(`has ${this.#nameOf(node)} twice`);
    this.#trees.set(tree, nodes.set(id, node));
  }

  /** No number relates to a value that is none: the words have a number there, and no relation or all. */
  #found(node: number, relations: number): number {
    if (!Number.isNaN(this.#attributes.values[node])) return relations;
    return (relations & unordered) === 0 ? 0 : less | equal | greater | unordered;
  }

  #find(node: number, id: number): number {
    const found = this.#trees.get(this.#attributes.treeIds[node] as number)?.get(id);
    if (found !== undefined) return found;
    throw this.#wrong(`goes on from ${this.#nameOf(node)} to node ${id}, which is not there`);
  }

  #rootOf(tree: number, nodes: ReadonlyMap<number, number>): number {
    const led = new Set<number>();
    for (const node of nodes.values()) {
      if (this.#isLeaf(node)) continue;
      led.add(this.#next[2 * node] as number).add(this.#next[2 * node + 1] as number);
    }
    const roots = [...nodes].filter(([, node]) => !led.has(node)).map(([id]) => id);
    if (roots.length === 0) throw this.#cycle(tree);
    if (roots.length > 1) {
      throw this.#wrong(
        `has a tree ${tree} with several roots: nodes ${roots.slice(0, 9).join(", ")}`,
      );
    }
    return nodes.get(roots[0] as number) as number;
  }

  /**
   * Nodes in the order in which all that follows them is done; where a test holds last, so that in
   * the reverse it lies beside its branch. What several branches lead to is visited once.
   */
  #finishedFrom(root: number, tree: number): number[] {
    const finished: number[] = [];
    const [entered, done] = [1, 2];
    const state = new Map<number, number>();
    const stack = [root];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const seen = state.get(node);
      if (seen === undefined && !this.#isLeaf(node)) {
        state.set(node, entered);
        const [yes, no] = [this.#next[2 * node] as number, this.#next[2 * node + 1] as number];
        for (const next of [yes, no]) {
          if (state.get(next) === entered) throw this.#cycle(tree);
          if (!state.has(next)) stack.push(next);
        }
        continue;
      }
      stack.pop();
      if (seen === done) continue;
      state.set(node, done);
      finished.push(node);
    }
    return finished;
  }

  /**
   * Weights in the order of their leaves, those of one leaf as the model lists them, and where those
   * of each place end. Weights of branches, which old converters leave behind, mean nothing.
   */
  #weightsBy(place: Int32Array): { ends: Int32Array; weights: Int32Array } {
    const { weightTreeIds, weightNodeIds, weightTargets, targets } = this.#attributes;
    const ends = new Int32Array(place.length);
    const owners = weightTreeIds.map((tree, at) => {
      const id = weightNodeIds[at] as number;
      const node = this.#trees.get(tree)?.get(id);
      if (node === undefined) {
        throw this.#wrong(`weighs node ${id} of tree ${tree}, which is not there`);
      }
      const target = weightTargets[at] as number;
      if (!Number.isInteger(target) || target < 0 || target >= targets) {
        throw this.#wrong(`has a weight for target ${target} of ${targets}`);
      }
      if (!this.#isLeaf(node)) return -1;
      const owner = place[node] as number;
      ends[owner] = (ends[owner] as number) + 1;
      return owner;
    });
    for (let at = 1; at < ends.length; at++)
      ends[at] = (ends[at] as number) + (ends[at - 1] as number);
    const weights = new Int32Array(2 * (ends.at(-1) as number));
    const floats = new Float32Array(weights.buffer);
    const filled = new Int32Array(place.length);
    for (const [at, owner] of owners.entries()) {
      if (owner < 0) continue;
      const first = owner === 0 ? 0 : (ends[owner - 1] as number);
      const to = 2 * (first + (filled[owner] as number));
      filled[owner] = (filled[owner] as number) + 1;
      weights[to] = weightTargets[at] as number;
      floats[to + 1] = this.#attributes.weights[at] as number;
    }
    return { ends, weights };
  }
}
