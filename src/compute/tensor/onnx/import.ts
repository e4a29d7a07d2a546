/**
 * From an ONNX file to a graph. Every operator that cannot be compiled is named at once, so that a
 * person sees the whole distance; names, order and types are checked here, shapes when they are known.
 */
import { QuipuError } from "../../../base/errors.js";
import { tensorLimits } from "../dtype.js";
import { type ReadExternal, readConstant, readType } from "./constant.js";
import {
  type Axis,
  type Body,
  type Constant,
  type Graph,
  type GraphInput,
  type GraphNode,
  graphLimits,
} from "./graph.js";
import { decodeOnnx, type OnnxGraph, type OnnxNode, type OnnxValue } from "./message.js";
import { Scope } from "./scope.js";
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
  const { graph, opsets } = decodeOnnx(bytes, graphLimits.fieldsMax);
  checkOperators(graphsWithin(graph), opsets, isKnown);
  const scope = new Scope<true>();
  const body = readBody(graph, scope, { opsets, readExternal });
  if (graph.outputs.length === 0) throw malformed("it has no outputs");
  // Before IR version 4 each initializer is listed among the inputs too: a constant all the same.
  const inputs = graph.inputs.filter((input) => !body.constants.has(input.name)).map(readInput);
  return { ...body, inputs };
}

export function modelTooLarge(bytes: number): QuipuError {
  return new QuipuError(
    "LIMIT_EXCEEDED",
    `the model has ${bytes} bytes and at most ${graphLimits.modelBytesMax} are read`,
    { next: "save its weights in files beside it" },
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

/** A graph and all that lie within its nodes. */
export function graphsWithin(graph: OnnxGraph): OnnxGraph[] {
  const attributes = graph.nodes.flatMap((node) => node.attributes);
  return [
    graph,
    ...attributes.flatMap(({ graph }) => (graph === undefined ? [] : graphsWithin(graph))),
  ];
}

/** What a node is called in messages, and its operator. */
export function namesOf(node: OnnxNode, index: number) {
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  return {
    name: node.name === "" ? `${node.operator} #${index}` : node.name,
    operator: domain === "" ? node.operator : `${domain}.${node.operator}`,
    domain,
  };
}

/** Names all operators that are not known at once. */
export function checkOperators(
  graphs: readonly OnnxGraph[],
  opsets: ReadonlyMap<string, bigint>,
  isKnown: (operator: string) => boolean,
): void {
  const nodes = graphs.flatMap((graph) => graph.nodes.map(namesOf));
  if (nodes.length > graphLimits.nodesMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `the model has ${nodes.length} nodes and at most ${graphLimits.nodesMax} are compiled`,
      { next: "divide the model" },
    );
  }
  for (const { domain } of nodes) versionOf(opsets, domain);
  const unknown = nodes
    .filter(({ operator }) => !isKnown(operator))
    .map(({ name, operator }) => ({ node: name, operator }));
  const hasSparse = graphs.some((graph) => graph.hasSparse);
  if (unknown.length === 0 && !hasSparse) return;
  const names = [...new Set(unknown.map((entry) => entry.operator))];
  if (hasSparse) names.push("sparse initializers");
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

interface Reading {
  readonly opsets: ReadonlyMap<string, bigint>;
  readonly readExternal: ReadExternal | undefined;
}

/**
 * ONNX asks for nodes in an order that can run and for each name to be given once; the names of the
 * graphs around this one count too.
 */
function readBody(graph: OnnxGraph, scope: Scope<true>, reading: Reading): Body {
  const define = (name: string): void => {
    if (scope.get(name)) throw malformed(`two tensors named ${name}`);
    if (name === "") throw malformed("a tensor without a name");
    scope.set(name, true);
  };
  const constants = new Map<string, Constant>();
  for (const tensor of graph.initializers) {
    define(tensor.name);
    constants.set(tensor.name, readConstant(tensor, reading.readExternal));
  }
  const names = graph.inputs.map((input) => input.name);
  const parameters = names.filter((name) => !constants.has(name));
  for (const name of parameters) define(name);
  const nodes = graph.nodes.map((node, index): GraphNode => {
    const { name, operator, domain } = namesOf(node, index);
    const { inputs, outputs, attributes } = node;
    for (const input of inputs) {
      if (input !== "" && !scope.get(input)) {
        throw malformed(`node ${name} reads ${input}, which nothing before it computes`);
      }
    }
    const graphs = new Map<string, Body>();
    for (const { name: attribute, graph: within } of attributes) {
      if (within === undefined) continue;
      graphs.set(attribute, readBody(within, new Scope(scope), reading));
    }
    for (const output of outputs) if (output !== "") define(output);
    return {
      name,
      operator,
      version: versionOf(reading.opsets, domain),
      inputs,
      outputs,
      attributes: new Map(attributes.map((attribute) => [attribute.name, attribute])),
      graphs,
    };
  });
  for (const { name } of graph.outputs) {
    if (!scope.get(name)) throw malformed(`nothing computes its output ${name}`);
  }
  return { parameters, constants, nodes, outputs: graph.outputs.map((output) => output.name) };
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
