/** TreeEnsembleRegressor and TreeEnsembleClassifier of ai.onnx.ml. */
import type { Value } from "../canonical/value.js";
import { type FlatTrees, flattenClasses, flattenTrees, type TreeAttributes } from "./flat-trees.js";
import type { Operation, Rules } from "./operation.js";
import {
  bestLabels,
  bothClasses,
  classLabels,
  features,
  regressed,
  transformed,
} from "./scores.js";

const domain = "ai.onnx.ml";

export const rules: Rules = {
  [`${domain}.TreeEnsembleRegressor`]: (operation) => {
    const attributes = attributesOf(operation, "target", operation.integer("n_targets", 0));
    const flat = flattenTrees(attributes, (what) => operation.wrong(what));
    return [regressed(operation, scoresOf(operation, flat, aggregateOf(operation)))];
  },
  [`${domain}.TreeEnsembleClassifier`]: (operation) => {
    const labels = classLabels(operation, "classlabels_int64s");
    if (labels.length < 2) throw operation.unsupported("has fewer than two classes");
    const attributes = attributesOf(operation, "class", labels.length);
    const flat = flattenClasses(attributes, (what) => operation.wrong(what));
    const scores = scoresOf(operation, flat, aggregates.SUM);
    const isPlain = operation.text("post_transform", "NONE") === "NONE";
    const all = flat.isBinary
      ? bothClasses(operation, scores, isPlain && flat.isProbability)
      : scores;
    return [bestLabels(operation, all, labels), transformed(operation, all)];
  },
};

/** Frozen numbers. */
const aggregates = Object.freeze({ SUM: 0, AVERAGE: 1, MIN: 2, MAX: 3 });

function aggregateOf(operation: Operation): number {
  const name = operation.text("aggregate_function", "SUM");
  if (Object.hasOwn(aggregates, name)) return aggregates[name as keyof typeof aggregates];
  throw operation.wrong(`aggregates by ${name}`);
}

function attributesOf(
  operation: Operation,
  weighed: "target" | "class",
  targets: number,
): TreeAttributes {
  const integers = (name: string): number[] => operation.integers(name) ?? [];
  const numbers = (name: string): number[] => {
    if (operation.attribute(`${name}_as_tensor`) !== undefined) {
      throw operation.unsupported(`has ${name}_as_tensor; only numbers of 32 bits are compared`);
    }
    return operation.numbers(name) ?? [];
  };
  return {
    treeIds: integers("nodes_treeids"),
    nodeIds: integers("nodes_nodeids"),
    featureIds: integers("nodes_featureids"),
    modes: operation.texts("nodes_modes") ?? [],
    values: numbers("nodes_values"),
    trueIds: integers("nodes_truenodeids"),
    falseIds: integers("nodes_falsenodeids"),
    missingTracksTrue: integers("nodes_missing_value_tracks_true"),
    weightTreeIds: integers(`${weighed}_treeids`),
    weightNodeIds: integers(`${weighed}_nodeids`),
    weightTargets: integers(`${weighed}_ids`),
    weights: numbers(`${weighed}_weights`),
    targets,
    base: numbers("base_values"),
  };
}

function scoresOf(operation: Operation, flat: FlatTrees, aggregate: number): Value {
  const { builder } = operation;
  const rows = features(operation);
  const [count, length] = rows.shape as [number, number];
  if (length < flat.features) {
    throw operation.mismatch(`the trees ask for ${flat.features} features and there are ${length}`);
  }
  const words = ({ length, buffer }: Int32Array): Value =>
    builder.constant("int32", [length], new Uint8Array(buffer));
  const base = flat.base === undefined ? [] : [builder.floats([...flat.base])];
  return builder.emit(
    "trees",
    [rows, words(flat.roots), words(flat.nodes), words(flat.weights), ...base],
    [{ dtype: "float32", shape: [count, flat.targets] }],
    [count, length, flat.targets, aggregate],
  )[0] as Value;
}
