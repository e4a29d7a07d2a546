/** From a graph and the shapes of its inputs to canonical operators with every shape known. */
import { QuipuError } from "../../base/errors.js";
import { type Constant, elementCount, type Graph, type GraphInput, graphLimits } from "./graph.js";
import { type Lowered, operators, type Scope, type TensorFacts } from "./operators.js";

export interface LoweredOperator extends Lowered {
  /** Names of the results; made up where the graph does not name one. */
  readonly writes: readonly string[];
}

export interface LoweredGraph {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly tensors: ReadonlyMap<string, TensorFacts>;
  readonly constants: ReadonlyMap<string, Constant>;
  /** Only what the outputs need. */
  readonly operators: readonly LoweredOperator[];
}

export type Shapes = Readonly<Record<string, readonly number[]>>;

export function lower(graph: Graph, inputShapes: Shapes): LoweredGraph {
  const tensors = new Map<string, TensorFacts>();
  for (const [name, { dtype, shape }] of graph.constants) tensors.set(name, { dtype, shape });
  bindInputs(graph.inputs, inputShapes, tensors);
  const scope: Scope = {
    facts(name) {
      const facts = tensors.get(name);
      if (facts === undefined) throw new QuipuError("MODEL_INVALID", `no tensor named ${name}`);
      return facts;
    },
    constant: (name) => graph.constants.get(name),
  };
  const lowered: LoweredOperator[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const rule = operators.get(node.operator);
    if (rule === undefined) {
      throw new QuipuError("MODEL_UNSUPPORTED", `node ${node.name} (${node.operator})`);
    }
    const result = rule(node, scope);
    if (node.outputs.length > result.results.length) {
      throw new QuipuError("MODEL_INVALID", `node ${node.name} names too many outputs`);
    }
    const writes = result.results.map((facts, output) => {
      // No name of a graph can be this one: import refuses names that start with a tab.
      const name = node.outputs[output] || `\t${index}/${output}`;
      if (elementCount(facts.shape, facts.dtype) === undefined) {
        const shape = facts.shape.join(", ");
        throw new QuipuError("LIMIT_EXCEEDED", `tensor ${name} would have the shape [${shape}]`);
      }
      if (tensors.has(name)) throw new QuipuError("MODEL_INVALID", `two tensors named ${name}`);
      tensors.set(name, facts);
      return name;
    });
    lowered.push({ ...result, writes });
  }
  return {
    inputs: graph.inputs.map((input) => input.name),
    outputs: graph.outputs,
    tensors,
    constants: graph.constants,
    operators: needed(lowered, graph.outputs),
  };
}

function bindInputs(
  inputs: readonly GraphInput[],
  shapes: Shapes,
  tensors: Map<string, TensorFacts>,
): void {
  const symbols = new Map<string, { readonly size: number; readonly input: string }>();
  for (const input of inputs) {
    const shape = Object.hasOwn(shapes, input.name) ? shapes[input.name] : undefined;
    if (shape === undefined) {
      throw new QuipuError("SHAPE_MISMATCH", `the model's input ${input.name} is not given`, {
        next: `give the inputs ${inputs.map(({ name }) => name).join(", ")}`,
      });
    }
    const given = `input ${input.name} has the shape [${shape.join(", ")}]`;
    if (shape.length > graphLimits.axesMax || elementCount(shape, input.dtype) === undefined) {
      throw new QuipuError("LIMIT_EXCEEDED", `${given}, which is more than a tensor may hold`);
    }
    if (input.axes !== undefined && input.axes.length !== shape.length) {
      throw new QuipuError("SHAPE_MISMATCH", `${given}; the model wants ${wanted(input)}`);
    }
    for (const [position, axis] of (input.axes ?? []).entries()) {
      const size = shape[position] as number;
      const bound = typeof axis === "string" ? symbols.get(axis) : undefined;
      if (typeof axis === "string" && bound === undefined) {
        symbols.set(axis, { size, input: input.name });
      }
      const expected = typeof axis === "number" ? axis : (bound?.size ?? size);
      if (expected !== size) {
        const why = bound === undefined ? "" : `, and ${axis} is ${bound.size} in ${bound.input}`;
        throw new QuipuError("SHAPE_MISMATCH", `${given}; the model wants ${wanted(input)}${why}`);
      }
    }
    tensors.set(input.name, { dtype: input.dtype, shape });
  }
  const names = new Set(inputs.map((input) => input.name));
  const extra = Object.keys(shapes).find((name) => !names.has(name));
  if (extra !== undefined) {
    throw new QuipuError("SHAPE_MISMATCH", `the model has no input named ${extra}`, {
      next: `give the inputs ${[...names].join(", ")}`,
    });
  }
}

function wanted(input: GraphInput): string {
  return `[${(input.axes ?? []).map((axis) => axis ?? "?").join(", ")}]`;
}

/** Operators whose results reach an output, in their order. */
function needed(lowered: readonly LoweredOperator[], outputs: readonly string[]) {
  const live = new Set(outputs);
  const kept: LoweredOperator[] = [];
  for (const operator of [...lowered].reverse()) {
    if (!operator.writes.some((name) => live.has(name))) continue;
    for (const name of operator.reads) live.add(name);
    kept.push(operator);
  }
  return kept.reverse();
}
