/**
 * From an ONNX file to a graph. Every operator that cannot be compiled is named at once, so that a
 * person sees the whole distance; names, order and types are checked here, shapes when they are known.
 */
import { QuipuError } from "../../base/errors.js";
import {
  type Axis,
  type Constant,
  type DType,
  dtypeOf,
  elementBytes,
  elementCount,
  type Graph,
  type GraphInput,
  type GraphNode,
  graphLimits,
} from "./graph.js";
import {
  decodeOnnx,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-message.js";
import { operators } from "./operators.js";
import { malformed } from "./wire.js";

const opsetMin = 13n;
const opsetMax = 17n;

export function importOnnx(bytes: Uint8Array): Graph {
  if (bytes.length > graphLimits.modelBytesMax) throw modelTooLarge(bytes.length);
  const model = decodeOnnx(bytes, graphLimits.fieldsMax);
  checkOpset(model);
  checkOperators(model.graph);
  const constants = new Map<string, Constant>();
  for (const tensor of model.graph.initializers) {
    if (constants.has(tensor.name)) throw malformed(`two tensors named ${tensor.name}`);
    constants.set(tensor.name, readConstant(tensor));
  }
  // Before IR version 4 each initializer is listed among the inputs too: a constant all the same.
  const inputs = model.graph.inputs.filter((input) => !constants.has(input.name)).map(readInput);
  const nodes = readNodes(model.graph);
  checkOrder(inputs, constants, nodes, model.graph);
  return { inputs, outputs: model.graph.outputs.map((output) => output.name), constants, nodes };
}

export function modelTooLarge(bytes: number): QuipuError {
  return new QuipuError(
    "LIMIT_EXCEEDED",
    `the model has ${bytes} bytes and at most ${graphLimits.modelBytesMax} are read`,
  );
}

function checkOpset(model: OnnxModel): void {
  const version = model.opsets.get("");
  if (version === undefined) throw malformed("it names no operator set");
  if (version < opsetMin || version > opsetMax) {
    throw new QuipuError(
      "MODEL_UNSUPPORTED",
      `the model uses operator set ${version}; ${opsetMin} to ${opsetMax} can be compiled`,
      { next: `convert the model to operator set ${opsetMax}` },
    );
  }
}

function checkOperators(graph: OnnxGraph): void {
  if (graph.nodes.length > graphLimits.nodesMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `the model has ${graph.nodes.length} nodes and at most ${graphLimits.nodesMax} are compiled`,
    );
  }
  const unknown = graph.nodes
    .map((node, index) => ({ node, index }))
    .filter(({ node }) => !isDefault(node.domain) || !operators.has(node.operator))
    .map(({ node, index }) => ({
      node: nodeName(node.name, node.operator, index),
      operator: isDefault(node.domain) ? node.operator : `${node.domain}.${node.operator}`,
    }));
  if (unknown.length > 0 || graph.hasSparse) {
    const names = [...new Set(unknown.map((entry) => entry.operator))];
    if (graph.hasSparse) names.push("sparse initializers");
    const first = unknown[0];
    const where = first === undefined ? "" : ` (first at node ${first.node})`;
    throw new QuipuError(
      "MODEL_UNSUPPORTED",
      `the model needs what cannot be compiled: ${names.join(", ")}${where}`,
      {
        next: `use only ${[...operators.keys()].join(", ")}`,
        details: { unsupported: unknown.slice(0, 100) },
      },
    );
  }
}

function isDefault(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

function nodeName(name: string, operator: string, index: number): string {
  return name === "" ? `${operator} #${index}` : name;
}

function readConstant(tensor: OnnxTensor): Constant {
  const dtype = readType(tensor.dataType, tensor.name);
  if (tensor.external) {
    throw new QuipuError("MODEL_UNSUPPORTED", `tensor ${tensor.name} lies outside the model file`, {
      next: "save the model as one file",
    });
  }
  const shape = tensor.dims.map((dim) => Number(dim));
  const elements = elementCount(shape, dtype);
  if (elements === undefined || shape.length > graphLimits.axesMax) {
    throw malformed(`tensor ${tensor.name} has the impossible shape [${tensor.dims.join(", ")}]`);
  }
  const bytes = constantBytes(tensor, dtype);
  if (bytes.length !== elements * elementBytes(dtype)) {
    throw malformed(`tensor ${tensor.name} has ${bytes.length} bytes for ${elements} elements`);
  }
  return { dtype, shape, bytes };
}

function constantBytes(tensor: OnnxTensor, dtype: DType): Uint8Array {
  const raw = tensor.raw[0];
  if (raw !== undefined) return raw;
  if (dtype === "float32") return Buffer.concat(tensor.floats);
  return new Uint8Array(new BigInt64Array(tensor.int64s).buffer);
}

function readType(number: number, name: string): DType {
  const dtype = dtypeOf(number);
  if (dtype !== undefined) return dtype;
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `tensor ${name} has element type ${number}; float32 (1) and int64 (7) can be compiled`,
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
  if (axes !== undefined && axes.length > graphLimits.axesMax) {
    throw malformed(`input ${value.name} has ${axes.length} axes`);
  }
  return { name: value.name, dtype: readType(value.elementType, value.name), axes };
}

function readNodes(graph: OnnxGraph): GraphNode[] {
  return graph.nodes.map((node, index) => ({
    name: nodeName(node.name, node.operator, index),
    operator: node.operator,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes: new Map(
      node.attributes.map((attribute) => [
        attribute.name,
        attribute.integer ?? attribute.float ?? attribute.text,
      ]),
    ),
  }));
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
    if (name === "" || name.startsWith("\t")) throw malformed("a tensor without a usable name");
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
