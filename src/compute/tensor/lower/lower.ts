/** From a graph and what is known of its inputs to canonical operators with every shape known. */
import { QuipuError } from "../../../base/errors.js";
import { Builder } from "../canonical/builder.js";
import type { BufferFacts, Operator, Value } from "../canonical/value.js";
import { type Body, type Graph, type GraphNode, graphLimits } from "../onnx/graph.js";
import { Scope } from "../onnx/scope.js";
import { bindInputs, type Given } from "./bind.js";
import { type LowerBody, Operation } from "./operation.js";
import { recognise, rulesRecognised } from "./recognise.js";
import { rules } from "./rules.js";

export interface Lowered {
  /** Of the model, in order, without those whose value was given. */
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  readonly buffers: readonly BufferFacts[];
  readonly operators: readonly Operator[];
}

export function lower(graph: Graph, given: Given): Lowered {
  const builder = new Builder();
  const inputs = bindInputs(graph.inputs, given, builder);
  const scope = new Scope<Value>();
  for (const [name, { value }] of inputs) scope.set(name, value);
  const body = recognise(graph);
  const outputs = lowerBody(body, scope, { builder, used: namesRead(body), nodes: 0 });
  return {
    inputs: new Map(
      [...inputs].flatMap(([name, { value, known }]) => (known ? [] : [[name, value] as const])),
    ),
    outputs: new Map(graph.outputs.map((name, index) => [name, outputs[index] as Value])),
    buffers: builder.buffers,
    operators: builder.operators,
  };
}

/** Names that anything reads, also in the graphs within nodes. */
function namesRead(body: Body, names = new Set<string>()): Set<string> {
  for (const { inputs, graphs } of body.nodes) {
    for (const name of inputs) names.add(name);
    for (const within of graphs.values()) namesRead(within, names);
  }
  for (const name of body.outputs) names.add(name);
  return names;
}

interface Lowering {
  readonly builder: Builder;
  readonly used: ReadonlySet<string>;
  /** Nodes so far; those of a loop count each time. */
  nodes: number;
}

const nodesLoweredMax = 131_072;

function lowerBody(body: Body, scope: Scope<Value>, lowering: Lowering): Value[] {
  const { builder, used } = lowering;
  for (const [name, { dtype, shape, bytes }] of body.constants) {
    if (used.has(name)) scope.set(name, builder.constant(dtype, shape, bytes));
  }
  for (const node of body.nodes) lowerNode(node, scope, lowering);
  return body.outputs.map((name) => valueNamed(name, scope));
}

function valueNamed(name: string, scope: Scope<Value>): Value {
  const value = scope.get(name);
  if (value === undefined) throw new QuipuError("MODEL_INVALID", `no tensor named ${name}`);
  return value;
}

function lowerNode(node: GraphNode, scope: Scope<Value>, lowering: Lowering): void {
  const { builder, used } = lowering;
  const rule = rules.get(node.operator) ?? rulesRecognised.get(node.operator);
  if (rule === undefined) {
    throw new QuipuError("MODEL_UNSUPPORTED", `node ${node.name} (${node.operator})`);
  }
  const read = node.inputs.map((name) => (name === "" ? undefined : valueNamed(name, scope)));
  const lowerWithin: LowerBody = (body, given) => {
    const within = new Scope(scope);
    for (const [index, name] of body.parameters.entries()) within.set(name, given[index] as Value);
    return lowerBody(body, within, lowering);
  };
  const results = rule(new Operation(builder, node, read, lowerWithin));
  for (const [index, name] of node.outputs.entries()) {
    const result = results[index];
    if (name === "") continue;
    if (result !== undefined) scope.set(name, result);
    else if (used.has(name)) {
      throw new QuipuError(
        "MODEL_UNSUPPORTED",
        `node ${node.name} (${node.operator}) has no output ${index}, ${name}`,
        { next: "leave that output out of the model", details: { node: node.name } },
      );
    }
  }
  lowering.nodes += 1;
  if (builder.operators.length > graphLimits.nodesMax || lowering.nodes > nodesLoweredMax) {
    throw new QuipuError("LIMIT_EXCEEDED", "the model becomes more operators than are compiled", {
      next: "use shorter sequences or fewer rounds of its loops",
    });
  }
}
