/** What a model file says of itself, also one that cannot be compiled: nothing is computed or read beside it. */
import { QuipuError } from "../../base/errors.js";
import { type DType, dtypeOf, elementTypeBytes, elementTypeName, sizeOf } from "./dtype.js";
import { rules } from "./lower/rules.js";
import { readType } from "./onnx/constant.js";
import { type Axis, graphLimits } from "./onnx/graph.js";
import { checkOperators, graphsWithin, namesOf } from "./onnx/import.js";
import { decodeOnnx, type OnnxGraph, type OnnxTensor, type OnnxValue } from "./onnx/message.js";

export interface ModelFacts {
  /** The version of each set, by its domain; "" is ONNX's own. */
  readonly operatorSets: ReadonlyMap<string, number>;
  /** Without those that have a value in the model. */
  readonly inputs: readonly ValueFacts[];
  readonly outputs: readonly ValueFacts[];
  /** Nodes by operator, those in the graphs within nodes too; the most frequent first. */
  readonly operators: readonly OperatorCount[];
  readonly parameters: ParameterFacts;
  /** Why it cannot be compiled, whatever its inputs are; empty where only they can tell. */
  readonly problems: readonly QuipuError[];
}

export interface ValueFacts {
  readonly name: string;
  /** As ONNX calls it; empty where the model does not say. */
  readonly type: string;
  /** Undefined when it is not computed with. */
  readonly dtype: DType | undefined;
  /** Undefined when the model leaves even the number of axes open. */
  readonly axes: readonly Axis[] | undefined;
}

export interface OperatorCount {
  readonly operator: string;
  readonly count: number;
  readonly compiles: boolean;
}

export interface ParameterFacts {
  /** Initializers, and what Constant nodes hold. */
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
  /** Files beside the model that hold some of them. */
  readonly files: readonly string[];
}

/** MODEL_INVALID for bytes that are no model at all. */
export function describeModel(bytes: Uint8Array): ModelFacts {
  const { graph, opsets } = decodeOnnx(bytes, graphLimits.fieldsMax);
  const graphs = graphsWithin(graph);
  const attributes = graphs.flatMap(({ nodes }) => nodes.flatMap((node) => node.attributes));
  // What exporters put into Constant nodes is a parameter like any other.
  const constants = [
    ...graphs.flatMap((within) => within.initializers),
    ...attributes.flatMap(({ tensor }) => tensor ?? []),
  ];
  const own = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !own.has(name));
  return {
    operatorSets: new Map([...opsets].map(([domain, version]) => [domain, Number(version)])),
    inputs: inputs.map(valueFacts),
    outputs: graph.outputs.map(valueFacts),
    operators: countOperators(graphs),
    parameters: parameterFacts(constants),
    problems: [
      ...problemsOf(() => checkOperators(graphs, opsets, (name) => rules.has(name))),
      ...inputs.flatMap(({ elementType, name }) => problemsOf(() => readType(elementType, name))),
      ...constants.flatMap(({ dataType, name }) => problemsOf(() => readType(dataType, name))),
    ],
  };
}

function problemsOf(check: () => void): QuipuError[] {
  try {
    check();
    return [];
  } catch (thrown) {
    if (thrown instanceof QuipuError) return [thrown];
    throw thrown;
  }
}

function valueFacts(value: OnnxValue): ValueFacts {
  const { name, elementType } = value;
  const dtype = dtypeOf(elementType);
  // Some write -1 for a size that is open.
  const axes = value.axes?.map((axis): Axis => {
    if (typeof axis !== "bigint") return axis;
    return axis < 0n ? undefined : Number(axis);
  });
  return { name, type: elementType === 0 ? "" : elementTypeName(elementType), dtype, axes };
}

function countOperators(graphs: readonly OnnxGraph[]): OperatorCount[] {
  const counts = new Map<string, number>();
  for (const node of graphs.flatMap((graph) => graph.nodes)) {
    const { operator } = namesOf(node, 0);
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return [...counts]
    .map(([operator, count]) => ({ operator, count, compiles: rules.has(operator) }))
    .sort((a, b) => b.count - a.count || (a.operator < b.operator ? -1 : 1));
}

function parameterFacts(constants: readonly OnnxTensor[]): ParameterFacts {
  const files = new Set<string>();
  let [elements, bytes] = [0, 0];
  for (const { dims, dataType, external } of constants) {
    const count = sizeOf(dims.map(Number));
    elements += count;
    bytes += count * elementTypeBytes(dataType);
    if (external !== undefined) files.add(external.get("location") ?? "");
  }
  return { tensors: constants.length, elements, bytes, files: [...files] };
}
