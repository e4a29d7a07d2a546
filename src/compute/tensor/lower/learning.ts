/** The operators of ai.onnx.ml that prepare numbers or weigh them linearly. */
import { add, divide, equal, less, multiply, select, subtract } from "../canonical/algebra.js";
import { matmul, reduce } from "../canonical/arithmetic.js";
import { gather } from "../canonical/indexing.js";
import { concat, transpose } from "../canonical/layout.js";
import { apply, cast, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { bestLabels, classLabels, features, regressed, transformed } from "./scores.js";

const domain = "ai.onnx.ml";

export const rules: Rules = {
  [`${domain}.Scaler`]: (operation) => {
    const { shape } = operation.input(0);
    const offset = perFeature(operation, "offset");
    const scale = perFeature(operation, "scale");
    const centred =
      offset === undefined ? asFloat(operation) : subtract(asFloat(operation), offset);
    const scaled = scale === undefined ? centred : multiply(centred, scale);
    return [operation.builder.map(shape, scaled)];
  },
  [`${domain}.Normalizer`]: (operation) => [normalised(operation)],
  [`${domain}.Binarizer`]: (operation) => {
    const { dtype, shape } = operation.typed(0, "float32");
    const threshold = constant(operation.number("threshold", 0));
    const isAbove = less(threshold, read(operation.input(0)));
    return [operation.builder.map(shape, cast(isAbove, dtype))];
  },
  [`${domain}.Imputer`]: (operation) => [imputed(operation)],
  [`${domain}.ArrayFeatureExtractor`]: (operation) => {
    const { builder } = operation;
    const value = operation.input(0);
    const indices = operation.typed(1, "int64", "int32");
    if (value.shape.length === 0) throw operation.mismatch("there is nothing to extract from");
    const rows = value.shape.length === 1 ? builder.reshape(value, [1, ...value.shape]) : value;
    const flat = builder.reshape(indices, [sizeOf(indices.shape)]);
    return [gather(builder, rows, flat, rows.shape.length - 1)];
  },
  [`${domain}.FeatureVectorizer`]: (operation) => {
    const sizes = operation.integers("inputdimensions") ?? [];
    const columns = operation.every().map((_, index) => {
      const rows = features(operation, index);
      if (sizes[index] === rows.shape[1]) return rows;
      throw operation.mismatch(`input ${index} has to have ${sizes[index]} features`);
    });
    if (new Set(columns.map(({ shape }) => shape[0])).size !== 1) {
      throw operation.mismatch("all have to have the same samples");
    }
    return [concat(operation.builder, columns, 1)];
  },
  [`${domain}.LinearRegressor`]: (operation) => {
    const targets = operation.integer("targets", 1);
    return [regressed(operation, weighted(operation, targets))];
  },
  [`${domain}.LinearClassifier`]: (operation) => {
    const labels = classLabels(operation, "classlabels_ints");
    if (labels.length < 2) throw operation.unsupported("has fewer than two classes");
    const scores = weighted(operation, labels.length);
    return [bestLabels(operation, scores, labels), transformed(operation, scores)];
  },
};

function asFloat(operation: Operation): Term {
  return cast(read(operation.input(0)), "float32");
}

/** An attribute with one number for all features, or one for each. */
function perFeature(operation: Operation, name: string): Term | undefined {
  const { builder } = operation;
  const floats = operation.numbers(name) ?? [];
  const integers = operation.attribute(name)?.integers ?? [];
  const count = Math.max(floats.length, integers.length);
  if (count === 0) return undefined;
  const length = operation.input(0).shape.at(-1);
  if (count !== 1 && count !== length) {
    throw operation.mismatch(`${name} has ${count} numbers for ${length} features`);
  }
  return read(integers.length > 0 ? builder.integers(integers) : builder.floats(floats));
}

/** A row whose norm is 0 stays as it is. */
function normalised(operation: Operation): Value {
  const { builder } = operation;
  const { shape } = operation.input(0);
  const axis = shape.length - 1;
  if (axis < 0) throw operation.mismatch("a single number has no norm");
  const norm = operation.text("norm", "MAX");
  const value = builder.map(shape, asFloat(operation));
  let size: Term;
  if (norm === "MAX") size = read(reduce(builder, value, "maximum", [axis], true));
  else if (norm === "L1") {
    const sizes = builder.map(shape, apply("absolute", read(value)));
    size = read(reduce(builder, sizes, "sum", [axis], true));
  } else if (norm === "L2") {
    size = apply("sqrt", read(reduce(builder, value, "sumOfSquares", [axis], true)));
  } else throw operation.unsupported(`has the norm ${norm}`);
  const isZero = equal(size, constant(0));
  const divided = divide(read(value), size);
  return builder.map(shape, select(isZero, read(value), divided));
}

/** Where the element is the one that stands for a missing number, another. */
function imputed(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.typed(0, "float32", "int64");
  const isFloat = value.dtype === "float32";
  const element = read(value);
  const instead = perFeature(operation, isFloat ? "imputed_value_floats" : "imputed_value_int64s");
  if (instead === undefined) throw operation.wrong(`does not say what replaces ${value.dtype}`);
  const replaced = isFloat
    ? operation.number("replaced_value_float", 0)
    : (operation.attribute("replaced_value_int64")?.integer ?? 0n);
  const isMissing = Number.isNaN(Number(replaced))
    ? apply("is_nan", element)
    : equal(element, constant(replaced, isFloat ? "float32" : "int64"));
  return builder.map(value.shape, select(isMissing, instead, element));
}

/** Samples × coefficients, of which a row belongs to each result. */
function weighted(operation: Operation, results: number): Value {
  const { builder } = operation;
  const rows = features(operation);
  const count = rows.shape[1] as number;
  const coefficients = operation.numbers("coefficients") ?? [];
  const intercepts = operation.numbers("intercepts") ?? [];
  if (coefficients.length !== results * count) {
    throw operation.mismatch(`${coefficients.length} coefficients for ${results} × ${count}`);
  }
  if (intercepts.length !== 0 && intercepts.length !== results) {
    throw operation.mismatch(`${intercepts.length} intercepts for ${results}`);
  }
  const weights = transpose(builder, builder.floats(coefficients, [results, count]), [1, 0]);
  const scores = matmul(builder, rows, weights, []);
  if (intercepts.length === 0) return scores;
  const shifted = add(read(scores), read(builder.floats(intercepts)));
  return builder.map(scores.shape, shifted);
}
