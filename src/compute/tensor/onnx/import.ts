/**
 * From an ONNX file to a graph. Every operator that cannot be compiled is named at once, so that a
 * person sees the whole distance; names, order and types are checked here, shapes when they are known.
 */
import { QuipuError } from "../../../base/errors.js";
import { tensorLimits } from "../dtype.js";
import { type ReadExternal, readConstant, readType } from "./constant.js";
import {
  type Axis,
  type Constant,
  type Graph,
  type GraphInput,
  type GraphNode,
  graphLimits,
} from "./graph.js";
import { decodeOnnx, type OnnxGraph, type OnnxModel, type OnnxValue } from "./message.js";
import { malformed } from "./wire.js";

/** Newest operator set whose meaning is known, by domain; "" is ONNX's own. */
const versionsMax: ReadonlyMap<string, number> = new Map([
  ["", 17],
  ["ai.onnx.ml", 3],
]);

/** `isKnown` tells the operators that can be lowered, named as in GraphNode. */
export function importOnnx(
  bytes: Uint8Array,
  isKnown: (operator: string) => boolean,
  readExternal?: ReadExternal,
): Graph {
  if (bytes.length > graphLimits.modelBytesMax) throw modelTooLarge(bytes.length);
  const model = decodeOnnx(bytes, graphLimits.fieldsMax);
  const nodes = readNodes(model);
  checkOperators(model.graph, nodes, isKnown);
  const constants = new Map<string, Constant>();
  for (const tensor of model.graph.initializers) {
    if (constants.has(tensor.name)) throw malformed(`two tensors named ${tensor.name}`);
    constants.set(tensor.name, readConstant(tensor, readExternal));
  }
  // Before IR version 4 each initializer is listed among the inputs too: a constant all the same.
  const inputs = model.graph.inputs.filter((input) => !constants.has(input.name)).map(readInput);
  checkOrder(inputs, constants, nodes, model.graph);
  return { inputs, outputs: model.graph.outputs.map((output) => output.name), constants, nodes };
}

export function modelTooLarge(bytes: number): QuipuError {
  return new QuipuError(
    "LIMIT_EXCEEDED",
    `the model has ${bytes} bytes and at most ${graphLimits.modelBytesMax} are read`,
  );
}

/** 0 for a domain of which no operator is known: those are told by name, all at once. */
function versionOf(opsets: ReadonlyMap<string, bigint>, domain: string): number {
  const most = versionsMax.get(domain);
  if (most === undefined) return 0;
  const of = domain === "" ? "" : ` of ${domain}`;
  const version = opsets.get(domain);
  if (version === undefined) throw malformed(`it names no operator set${of}`);
  if (version >= 1n && version <= BigInt(most)) return Number(version);
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `the model uses operator set ${version}${of}; up to ${most} can be compiled`,
    { next: `convert the model to operator set ${most}` },
  );
}

function readNodes({ graph, opsets }: OnnxModel): GraphNode[] {
  if (graph.nodes.length > graphLimits.nodesMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `the model has ${graph.nodes.length} nodes and at most ${graphLimits.nodesMax} are compiled`,
    );
  }
  return graph.nodes.map((node, index) => {
    const domain = node.domain === "ai.onnx" ? "" : node.domain;
    return {
      name: node.name === "" ? `${node.operator} #${index}` : node.name,
      operator: domain === "" ? node.operator : `${domain}.${node.operator}`,
      version: versionOf(opsets, domain),
      inputs: node.inputs,
      outputs: node.outputs,
      attributes: new Map(node.attributes.map((attribute) => [attribute.name, attribute])),
    };
  });
}

function checkOperators(
  graph: OnnxGraph,
  nodes: readonly GraphNode[],
  isKnown: (operator: string) => boolean,
): void {
  const unknown = nodes
    .filter(({ operator }) => !isKnown(operator))
    .map(({ name, operator }) => ({ node: name, operator }));
  if (unknown.length === 0 && !graph.hasSparse) return;
  const names = [...new Set(unknown.map((entry) => entry.operator))];
  if (graph.hasSparse) names.push("sparse initializers");
  const first = unknown[0];
  const where = first === undefined ? "" : ` (first at node ${first.node})`;
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `the model needs what cannot be compiled: ${names.join(", ")}${where}`,
    {
      next: "see docs/onnx-coverage.md for what can",
      details: { unsupported: unknown.slice(0, 100) },
    },
  );
}

function readInput(value: OnnxValue): GraphInput {
  const axes = value.axes?.map((axis): Axis => {
    if (typeof axis !== "bigint") return axis;
    if (axis < 0n || axis > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw malformed(`input ${value.name} has an axis of size ${axis}`);
    }
    return Number(axis);
  });
  if (axes !== undefined && axes.length > tensorLimits.axesMax) {
    throw malformed(`input ${value.name} has ${axes.length} axes`);
  }
  return { name: value.name, dtype: readType(value.elementType, value.name), axes };
}

/** ONNX asks for nodes in an order that can run and for each name to be given once. */
function checkOrder(
  inputs: readonly GraphInput[],
  constants: ReadonlyMap<string, Constant>,
  nodes: readonly GraphNode[],
  graph: OnnxGraph,
): void {
  const known = new Set<string>(constants.keys());
  const define = (name: string): void => {
    if (known.has(name)) throw malformed(`two tensors named ${name}`);
    if (name === "") throw malformed("a tensor without a name");
    known.add(name);
  };
  for (const input of inputs) define(input.name);
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name !== "" && !known.has(name)) {
        throw malformed(`node ${node.name} reads ${name}, which nothing before it computes`);
      }
    }
    for (const name of node.outputs) if (name !== "") define(name);
  }
  if (graph.outputs.length === 0) throw malformed("it has no outputs");
  for (const { name } of graph.outputs) {
    if (!known.has(name)) throw malformed(`nothing computes its output ${name}`);
  }
}
