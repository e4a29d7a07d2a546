/** Golden vectors of tree ensembles: their cases. */
import { floatBits, given, type Operand, type OperatorVector } from "./canonical-elements.js";
import { shared } from "./canonical-functions.js";
import { operatorVector } from "./canonical-operators.js";

const { bitsOf, round } = shared;
const [less, equal, greater, unordered, leaf] = [1, 2, 4, 8, 16];

type Node = readonly [number, number, number, number];
const branch = (feature: number, test: number, value: number, yes: number, no: number): Node => [
  (feature << 5) | test,
  bitsOf(round(value)),
  yes,
  no,
];
const end = (first: number, next: number): Node => [leaf, 0, first, next];

/** Every comparison, with and without NaN; leaves of no, one and several weights. */
const nodes: readonly Node[] = [
  branch(0, less | equal, 0.1, 1, 2),
  branch(1, less, 0, 3, 4),
  branch(2, greater | equal | unordered, 0.5, 5, 6),
  end(0, 1),
  end(1, 3),
  end(3, 3),
  end(3, 6),
  branch(1, greater, 0, 8, 9),
  branch(2, equal, 0.5, 10, 12),
  branch(2, less | greater | unordered, 0.5, 11, 12),
  end(6, 8),
  end(8, 9),
  end(9, 11),
  end(11, 12),
];
/** Targets and what they get. */
const weights: readonly (readonly [number, number])[] = [
  [0, 0.4],
  [1, -0.3],
  [0, 1e8],
  [1, 0.7],
  [0, -1e8],
  [1, 2 ** -140],
  [0, 1],
  [0, -0],
  [1, -0],
  [0, 3.2],
  [0, 1e-8],
  [1, 5],
];

/** Features: on either side of each value, on it, NaN, infinities, both zeros. */
const rows: readonly (readonly [string, string, string])[] = [
  ["3dcccccd", "bf800000", "3f000000"],
  ["3dccccce", "80000000", "3f000001"],
  ["3dcccccc", "00000000", "3effffff"],
  ["7fc00000", "7fc00000", "7fc00000"],
  ["7f800000", "ff800000", "ffc12345"],
  ["ff800000", "7f800000", "3f000000"],
  ["80000000", "80000001", "7f800000"],
  ["00000000", "00000001", "80000000"],
];

const integers = (...of: number[]): Operand => given("int32", ...of.map(BigInt));

export function treeVectors(): OperatorVector[] {
  const x = floatBits(rows.flat().join(" "));
  const model = [
    integers(0, 7, 13),
    integers(...nodes.flat()),
    integers(...weights.flatMap(([target, weight]) => [target, bitsOf(round(weight))])),
  ];
  const names = ["sum", "average", "minimum", "maximum"];
  return names.flatMap((name, aggregate) => {
    const words = [rows.length, 3, 3, aggregate];
    const base = given("float32", 1e7, -0, 7);
    return [
      operatorVector(name, "trees", words, [x, ...model]),
      operatorVector(`${name} with base values`, "trees", words, [x, ...model, base]),
    ];
  });
}
