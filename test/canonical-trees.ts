/** Tree ensembles of `canonical-1` a second time. */
import type { Elements, Words } from "./canonical-elements.js";
import { shared } from "./canonical-functions.js";
import { floatOf } from "./canonical-reference.js";

const { add, divide } = shared;
const unsigned = (value: bigint): number => Number(BigInt.asUintN(32, value));

interface Ensemble {
  readonly roots: readonly bigint[];
  readonly nodes: readonly bigint[];
  readonly weights: readonly bigint[];
}

/** Weights of a row, by target: trees ascending, and of each leaf in their order. */
function weightsOf(ensemble: Ensemble, row: readonly number[], targets: number): number[][] {
  const lists = Array.from({ length: targets }, (): number[] => []);
  const { nodes, weights } = ensemble;
  for (const root of ensemble.roots) {
    let node = Number(root);
    for (;;) {
      const [test, value, yes, no] = nodes.slice(node * 4, node * 4 + 4).map(unsigned) as [
        ...[number, number, number, number],
      ];
      if ((test & 16) !== 0) {
        for (let i = yes; i < no; i += 1) {
          const [target, weight] = weights.slice(i * 2, i * 2 + 2).map(unsigned);
          lists[target as number]?.push(floatOf(weight as number));
        }
        break;
      }
      const [x, v] = [row[test >>> 5] as number, floatOf(value)];
      const found = x < v ? 1 : x === v ? 2 : x > v ? 4 : 8;
      node = (test & found) === 0 ? no : yes;
    }
  }
  return lists;
}

export function trees(words: Words, inputs: readonly Elements[]): Elements[] {
  const [rows, features, targets, aggregate] = words.take(4) as [number, number, number, number];
  const [x, roots, nodes, weights] = inputs.map(({ values }) => values) as [
    ...[number[], bigint[], bigint[], bigint[]],
  ];
  const base = inputs[4]?.values as readonly number[] | undefined;
  const joined = (list: readonly number[], target: number): number => {
    const start = base?.[target];
    if (aggregate === 0) return list.reduce(add, start ?? 0);
    let result = 0;
    if (aggregate === 1) result = divide(list.reduce(add, 0), Math.fround(roots.length));
    else if (list.length > 0)
      result = list.reduce((a, b) => Math[aggregate === 2 ? "min" : "max"](a, b));
    return start === undefined ? result : add(result, start);
  };
  const results: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    const of = x.slice(row * features, (row + 1) * features);
    results.push(...weightsOf({ roots, nodes, weights }, of, targets).map(joined));
  }
  return [{ dtype: "float32", values: results }];
}
