/** SVMClassifier of ai.onnx.ml: every two classes are told apart by themselves, and have a vote. */
import { add, less, multiply } from "../canonical/algebra.js";
import { matmul } from "../canonical/arithmetic.js";
import { cast, constant, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { coupled, type Pair, pairsOf } from "./coupling.js";
import type { Operation, Rules } from "./operation.js";
import {
  bestLabels,
  bothClasses,
  checkSingle,
  classLabels,
  features,
  transformed,
} from "./scores.js";
import { likenesses } from "./support-vectors.js";

export const rules: Rules = { "ai.onnx.ml.SVMClassifier": classified };

/** Each two of them are compared, and each of them is an operator of its own in every round. */
const classesMax = 128;
/** Written while compiling: one for each support vector and pair. */
const weightsMax = 2 ** 24;

function classified(operation: Operation): readonly Value[] {
  const labels = classLabels(operation, "classlabels_ints");
  if (labels.length < 2) throw operation.unsupported("has fewer than two classes");
  if (labels.length > classesMax) {
    const what = `tells ${labels.length} classes apart, two by two; at most ${classesMax} are compiled`;
    throw operation.unsupported(what, { next: "use a model that has one score a class" });
  }
  const pairs = pairsOf(labels.length);
  const decisions = decisionsOf(operation, labels.length, pairs);
  const votes = votesOf(operation, decisions, labels.length, pairs);
  return [bestLabels(operation, votes, labels), scoresOf(operation, decisions, labels.length)];
}

/** Of each row and pair of classes a number, above 0 where the first of them is the likelier one. */
function decisionsOf(operation: Operation, classes: number, pairs: readonly Pair[]): Value {
  const { builder } = operation;
  const counts = operation.integers("vectors_per_class") ?? [];
  if (counts.some((count) => count < 0)) throw operation.wrong("has less than no support vectors");
  const vectors = counts.reduce((sum, count) => sum + count, 0);
  if (vectors === 0) {
    const what = "has no support vectors, and programs that run it then choose different labels";
    throw operation.unsupported(what, { next: "export the model as a LinearClassifier" });
  }
  if (counts.length !== classes) {
    throw operation.wrong(`has vectors of ${counts.length} classes and labels of ${classes}`);
  }
  const given = operation.numbers("coefficients") ?? [];
  const wanted = (classes - 1) * vectors;
  if (given.length !== wanted) {
    throw operation.wrong(`has ${given.length} coefficients and not ${wanted}`);
  }
  if (vectors * pairs.length > weightsMax) {
    const what = `weighs ${vectors} support vectors for ${pairs.length} pairs of classes, which is too much`;
    throw operation.unsupported(what, {
      next: "train with fewer classes or fewer support vectors",
    });
  }
  const weights = new Array<number>(vectors * pairs.length).fill(0);
  const classOf = counts.flatMap((count, at) => new Array<number>(count).fill(at));
  for (const [vector, own] of classOf.entries()) {
    for (const [at, [first, second]] of pairs.entries()) {
      // A row of coefficients is of another class, its own left out.
      const row = own === first ? second - 1 : own === second ? first : undefined;
      if (row === undefined) continue;
      weights[vector * pairs.length + at] = given[row * vectors + vector] as number;
    }
  }
  const likeness = likenesses(operation, features(operation), vectors);
  const sums = matmul(builder, likeness, builder.floats(weights, [vectors, pairs.length]), []);
  return builder.map(sums.shape, add(read(sums), read(ofPairs(operation, "rho", pairs.length))));
}

/** An attribute with a number for each pair. */
function ofPairs(operation: Operation, name: string, count: number): Value {
  const numbers = operation.numbers(name) ?? [];
  if (numbers.length === count) return operation.builder.floats(numbers);
  throw operation.wrong(`has ${numbers.length} numbers in ${name} for ${count} pairs of classes`);
}

/** Of each row and class how many pairs it wins; small integers, which every sum holds exactly. */
function votesOf(
  { builder }: Operation,
  decisions: Value,
  classes: number,
  pairs: readonly Pair[],
): Value {
  const isFirst = builder.map(decisions.shape, cast(less(constant(0), read(decisions)), "float32"));
  const moves = pairs.flatMap(([first, second]) =>
    Array.from({ length: classes }, (_, at) => Number(at === first) - Number(at === second)),
  );
  const moved = matmul(builder, isFirst, builder.floats(moves, [pairs.length, classes]), []);
  // In as many pairs as classes stand before it, it is the second one.
  const asSecond = builder.floats([...new Array(classes).keys()]);
  return builder.map(moved.shape, add(read(moved), read(asSecond)));
}

/** Chances of the classes where the model has what turns decisions into them, else the decisions. */
function scoresOf(operation: Operation, decisions: Value, classes: number): Value {
  const { builder } = operation;
  const hasChances = (operation.numbers("prob_a") ?? []).length > 0;
  const pairs = decisions.shape[1] as number;
  if (hasChances) {
    const [slope, shift] = ["prob_a", "prob_b"].map((name) => ofPairs(operation, name, pairs));
    const sum = add(multiply(read(decisions), read(slope as Value)), read(shift as Value));
    return transformed(operation, coupled(builder, builder.map(decisions.shape, sum), classes));
  }
  if (classes > 2) return transformed(operation, decisions);
  checkSingle(operation);
  return bothClasses(operation, decisions, false);
}
