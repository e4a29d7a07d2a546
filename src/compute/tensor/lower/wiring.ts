/** How the nodes of one graph hang together: what gives a name, what reads it, what is a single number. */
import { isReadable, readElements } from "../canonical/elements.js";
import { type DType, sizeOf } from "../dtype.js";
import { readConstant } from "../onnx/constant.js";
import type { Body, Constant, GraphNode } from "../onnx/graph.js";

/** Before this operator set elementwise operators broadcast by rules of their own. */
const versionLeast = 7;

export class Wiring {
  readonly #around: Wiring | undefined;
  readonly #constants: ReadonlyMap<string, Constant>;
  readonly #parameters: ReadonlySet<string>;
  readonly #givers = new Map<string, GraphNode>();
  /** Each time a name is read; undefined where it is an output or read in a graph within a node. */
  readonly #readers = new Map<string, (GraphNode | undefined)[]>();

  /** `around`: of the graph that has `body` in one of its nodes, and whose names it sees. */
  constructor(body: Body, around?: Wiring) {
    this.#around = around;
    this.#constants = body.constants;
    this.#parameters = new Set(body.parameters);
    for (const node of body.nodes) {
      for (const name of node.outputs) this.#givers.set(name, node);
    }
    this.#follow(body, true);
  }

  /** The node here that gives that name, if it is such an operator. */
  giver(name: string | undefined, operator: string): GraphNode | undefined {
    const node = this.#givers.get(name ?? "");
    return node?.operator === operator && node.version >= versionLeast ? node : undefined;
  }

  /** The node here that alone reads what `node` gives, and reads it once. */
  onlyReader(node: GraphNode, operator: string): GraphNode | undefined {
    const [reader, ...others] = this.#readers.get(node.outputs[0] ?? "") ?? [];
    if (others.length > 0 || reader?.operator !== operator) return undefined;
    return reader.version >= versionLeast ? reader : undefined;
  }

  /** Whether nobody but them reads what they give, apart from the last one's result. */
  isClosed(nodes: readonly GraphNode[]): boolean {
    const all = new Set<GraphNode | undefined>(nodes);
    return nodes
      .slice(0, -1)
      .flatMap((node) => node.outputs)
      .every((name) => (this.#readers.get(name) ?? []).every((reader) => all.has(reader)));
  }

  /** What the model itself holds under that name, where it is one number with at most one axis. */
  number(name: string | undefined, dtypes: readonly DType[] = ["float32"]): number | undefined {
    const giver = this.#givers.get(name ?? "");
    const held = giver === undefined ? this.#constants.get(name ?? "") : heldBy(giver);
    if (held === undefined) {
      const isHere = giver !== undefined || this.#parameters.has(name ?? "");
      return isHere ? undefined : this.#around?.number(name, dtypes);
    }
    const { dtype, shape, bytes } = held;
    const isOne = shape.length <= 1 && sizeOf(shape) === 1;
    if (!isOne || !dtypes.includes(dtype) || !isReadable(dtype)) return undefined;
    return Number(readElements(bytes, dtype)[0]);
  }

  #follow({ nodes, outputs }: Body, isHere: boolean): void {
    const read = (name: string, reader?: GraphNode) => {
      const readers = this.#readers.get(name);
      if (readers === undefined) this.#readers.set(name, [reader]);
      else readers.push(reader);
    };
    for (const node of nodes) {
      for (const name of node.inputs) read(name, isHere ? node : undefined);
      for (const within of node.graphs.values()) this.#follow(within, false);
    }
    for (const name of outputs) read(name);
  }
}

/** Of a Constant node whose value is a tensor or a single float. */
function heldBy({ operator, attributes }: GraphNode): Constant | undefined {
  if (operator !== "Constant") return undefined;
  const tensor = attributes.get("value")?.tensor;
  if (tensor !== undefined) return tensor.dims.length > 1 ? undefined : readConstant(tensor);
  const float = attributes.get("value_float")?.float;
  if (float === undefined) return undefined;
  return { dtype: "float32", shape: [], bytes: new Uint8Array(Float32Array.of(float).buffer) };
}

/** Both orders of a commutative operator's two operands. */
export function eitherWay(names: readonly string[]): readonly (readonly [string, string])[] {
  const [first, second, ...more] = names;
  if (first === undefined || second === undefined || more.length > 0) return [];
  return [
    [first, second],
    [second, first],
  ];
}
