/** From a graph and what is known of its inputs to canonical operators with every shape known. */
import { QuipuError } from "../../../base/errors.js";
import { Builder } from "../canonical/builder.js";
import type { BufferFacts, Operator, Value } from "../canonical/value.js";
import { type Graph, graphLimits } from "../onnx/graph.js";
import { bindInputs, type Given } from "./bind.js";
import { Operation } from "./operation.js";
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
  const values = new Map<string, Value>();
  const used = new Set(graph.nodes.flatMap((node) => node.inputs));
  for (const output of graph.outputs) used.add(output);
  for (const [name, { dtype, shape, bytes }] of graph.constants) {
    if (used.has(name)) values.set(name, builder.constant(dtype, shape, bytes));
  }
  const inputs = bindInputs(graph.inputs, given, builder);
  for (const [name, { value }] of inputs) values.set(name, value);
  const valueNamed = (name: string): Value => {
    const value = values.get(name);
    if (value === undefined) throw new QuipuError("MODEL_INVALID", `no tensor named ${name}`);
    return value;
  };
  for (const node of graph.nodes) {
    const rule = rules.get(node.operator);
    if (rule === undefined) {
      throw new QuipuError("MODEL_UNSUPPORTED", `node ${node.name} (${node.operator})`);
    }
    const read = node.inputs.map((name) => (name === "" ? undefined : valueNamed(name)));
    const results = rule(new Operation(builder, node, read));
    for (const [index, name] of node.outputs.entries()) {
      const result = results[index];
      if (name === "") continue;
      if (result !== undefined) values.set(name, result);
      else if (used.has(name)) {
        throw new QuipuError(
          "MODEL_UNSUPPORTED",
          `node ${node.name} (${node.operator}) has no output ${index}, ${name}`,
          { details: { node: node.name } },
        );
      }
    }
    if (builder.operators.length > graphLimits.nodesMax) {
      throw new QuipuError("LIMIT_EXCEEDED", "the model becomes more operators than are compiled");
    }
  }
  return {
    inputs: new Map(
      [...inputs].flatMap(([name, { value, known }]) => (known ? [] : [[name, value] as const])),
    ),
    outputs: new Map(graph.outputs.map((name) => [name, valueNamed(name)])),
    buffers: builder.buffers,
    operators: builder.operators,
  };
}
