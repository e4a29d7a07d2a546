/**
 * Which tests of the suite have to pass: chosen by rule from the models themselves, and kept as a list
 * (docs/onnx-required.txt), so that it can be seen when a test leaves it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../bench/machine.js";
import { elementTypeName } from "../../src/compute/tensor/dtype.js";
import type { ModelOutline, OperatorUse } from "./onnx-file.js";
import { readModel } from "./suite.js";

const listPath = join(packageRoot, "docs/onnx-required.txt");

const requiredOperators = new Set(
  `MatMul Gemm Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool
  BatchNormalization LayerNormalization InstanceNormalization LpNormalization LRN
  MeanVarianceNormalization Softmax LogSoftmax Hardmax
  Add Sub Mul Div Pow Mod Neg Abs Sqrt Reciprocal Exp Log Erf Sin Cos Tan Asin Acos Atan Sinh Cosh
  Asinh Acosh Atanh Floor Ceil Round Sign Sum Mean Max Min Relu LeakyRelu PRelu Elu Selu Celu
  ThresholdedRelu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Shrink Clip
  Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not Where IsNaN IsInf Cast CastLike
  ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum
  ReduceLogSumExp ReduceSumSquare ArgMax ArgMin TopK CumSum
  Shape Size Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Pad Expand Tile
  Gather GatherElements GatherND Scatter ScatterElements ScatterND OneHot Trilu EyeLike Range
  ConstantOfShape Constant Identity Dropout DepthToSpace SpaceToDepth Resize Upsample Compress
  Einsum NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss HannWindow HammingWindow BlackmanWindow
  ReverseSequence GridSample MaxUnpool
  NonZero Unique RNN GRU LSTM DFT STFT MelWeightMatrix If Loop Scan LpPool GlobalLpPool`
    .trim()
    .split(/\s+/),
);
const requiredTypes = new Set(["float32", "int64", "int32", "bool"]);

const head = `# Tests of the official ONNX suite (1.12, operator sets up to 17) that have to pass.
# Made by \`npm run test:onnx -- --write\` (test/onnx/required.ts) by this rule:
# - every operator of the model, also inside its functions, is one of the list there;
# - every tensor that the model names, holds or casts to is float32, int64, int32 or bool; float16 also,
#   where the model casts;
# - inputs and outputs are tensors: no sequences, optionals or maps;
# - nothing is trained: no BatchNormalization in training mode, no Dropout that is given a training mode.
# So tests of double, text and 8- and 16-bit types stay out, and those of random numbers.
`;

export function readRequired(): readonly string[] {
  return readFileSync(listPath, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

export function writeRequired(suite: string, names: readonly string[]): void {
  writeFileSync(listPath, `${head}${requiredOf(suite, names).join("\n")}\n`);
}

/** Those of `names` that the rule takes. */
export function requiredOf(suite: string, names: readonly string[]): readonly string[] {
  return names.filter((name) => isRequired(readModel(suite, name).outline));
}

function isRequired({ operators, elementTypes, inputs, outputs }: ModelOutline): boolean {
  const casts = operators.some(({ name }) => name === "Cast" || name === "CastLike");
  const known = (type: string) => requiredTypes.has(type) || (casts && type === "float16");
  return (
    operators.every((use) => requiredOperators.has(use.name) && !trains(use)) &&
    [...inputs, ...outputs].every(({ kind }) => kind === "tensor") &&
    [...elementTypes].every((type) => type === 0 || known(elementTypeName(type)))
  );
}

function trains({ name, inputs, integers }: OperatorUse): boolean {
  if (name === "Dropout") return (inputs[2] ?? "") !== "";
  return name === "BatchNormalization" && (integers.get("training_mode") ?? 0n) !== 0n;
}
