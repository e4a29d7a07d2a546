/**
 * Chances of classes out of the chances within each pair of them: those p, of sum 1, for which the sum of
 * (r[j, i] · p[i] - r[i, j] · p[j])² is least, by rounds that each improve one after the other.
 */
import { add, clamp, divide, less, multiply, select, subtract } from "../canonical/algebra.js";
import { matmul, reduce } from "../canonical/arithmetic.js";
import type { Builder } from "../canonical/builder.js";
import { take } from "../canonical/indexing.js";
import { expand, sliceAxis, transpose } from "../canonical/layout.js";
import { apply, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";

/** Two classes, the lower number first. */
export type Pair = readonly [number, number];

/** No more than 4 were ever needed; behind the last one that is, nothing changes. */
const roundsMax = 8;

/** In the order in which models have them. */
export function pairsOf(classes: number): readonly Pair[] {
  const all = [...new Array<undefined>(classes).keys()];
  return all.flatMap((first) => all.slice(first + 1).map((second): Pair => [first, second]));
}

/** `sums` [rows, pairs]: the first class of a pair has the chance sigmoid(-sum) against the second. */
export function coupled(builder: Builder, sums: Value, classes: number): Value {
  const chance = apply("sigmoid", apply("negate", read(sums)));
  const inside = clamp(chance, constant(1e-7), subtract(constant(1), constant(1e-7)));
  return inRounds(builder, formOf(builder, builder.map(sums.shape, inside), classes), classes);
}

/** The quadratic form that is to be least, [rows, classes, classes]. */
function formOf(builder: Builder, chances: Value, classes: number): Value {
  const shape = [chances.shape[0] as number, classes, classes];
  const all = [...new Array<undefined>(classes).keys()];
  const places = all.flatMap((row) => all.map((column): Pair => [row, column]));
  const where = (is: (row: number, column: number) => boolean) => {
    const truths = places.map((place) => BigInt(is(...place)));
    return read(builder.make("bool", truths, [classes, classes]));
  };
  const [isAbove, isDiagonal] = [where((a, b) => a < b), where((a, b) => a === b)];
  const which = places.map(([a, b]) =>
    a === b ? 0 : numberOf(Math.min(a, b), Math.max(a, b), classes),
  );
  const each = read(builder.reshape(take(builder, chances, which, 1), shape));
  const against = builder.map(shape, select(isAbove, each, subtract(constant(1), each)));
  const turned = transpose(builder, against, [0, 2, 1]);
  const others = builder.map(shape, select(isDiagonal, constant(0), read(turned)));
  const squares = reduce(builder, others, "sumOfSquares", [2], true);
  const product = apply("negate", multiply(read(against), read(turned)));
  return builder.map(shape, select(isDiagonal, read(squares), product));
}

/** The place of a pair among all. */
function numberOf(first: number, second: number, classes: number): number {
  return (first * (2 * classes - first - 1)) / 2 + second - first - 1;
}

/** Within a round: the chances p, the form times p, both [rows, classes], and p times that. */
interface State {
  readonly p: Value;
  readonly slopes: Value;
  readonly level: Value;
}

/** One class's row of the form and what of it is its own, and which class it is. */
interface Row {
  readonly at: number;
  readonly row: Value;
  readonly own: Value;
  readonly isIt: Value;
}

function inRounds(builder: Builder, form: Value, classes: number): Value {
  const rows = form.shape[0] as number;
  const shape = [rows, classes];
  const all = [...new Array<undefined>(classes).keys()];
  const ofClasses = all.map((at): Row => {
    const row = builder.reshape(sliceAxis(builder, form, 1, at, 1), shape);
    const isIt = builder.make(
      "bool",
      all.map((of) => BigInt(of === at)),
    );
    return { at, row, own: sliceAxis(builder, row, 1, at, 1), isIt };
  });
  let p = expand(builder, builder.floats([1 / classes], [1, 1]), shape);
  for (let round = 0; round < roundsMax; round += 1) {
    const column = builder.reshape(p, [rows, classes, 1]);
    const product = matmul(builder, form, column, [rows]);
    const whole = matmul(builder, builder.reshape(p, [rows, 1, classes]), product, [rows]);
    const slopes = builder.reshape(product, shape);
    const level = builder.reshape(whole, [rows, 1]);
    const errors = apply("absolute", subtract(read(slopes), read(level)));
    const error = reduce(builder, builder.map(shape, errors), "maximum", [1], true);
    let state: State = { p, slopes, level };
    for (const of of ofClasses) state = improved(builder, state, of);
    const isDone = less(read(error), constant(0.005 / classes));
    p = builder.map(shape, select(isDone, read(p), read(state.p)));
  }
  return p;
}

/** The best chance of that class while the others keep their proportions. */
function improved(
  builder: Builder,
  { p, slopes, level }: State,
  { at, row, own, isIt }: Row,
): State {
  const slope = read(sliceAxis(builder, slopes, 1, at, 1));
  const step = divide(subtract(read(level), slope), read(own));
  const scale = add(constant(1), step);
  const bent = add(multiply(step, read(own)), multiply(constant(2), slope));
  const next = divide(divide(add(read(level), multiply(step, bent)), scale), scale);
  const ofRows = builder.maps(level.shape, [step, scale, next]);
  const [steps, scales] = ofRows.map(read) as [Term, Term, Term];
  const moved = select(read(isIt), add(read(p), steps), read(p));
  const followed = add(read(slopes), multiply(steps, read(row)));
  const after = builder.maps(p.shape, [divide(moved, scales), divide(followed, scales)]);
  return { p: after[0] as Value, slopes: after[1] as Value, level: ofRows[2] as Value };
}
