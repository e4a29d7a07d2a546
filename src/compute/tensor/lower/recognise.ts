/**
 * Functions that a model writes out in basic operators: their nodes become one, before any rule is
 * asked. Its result has other bits than theirs, so what is recognised is a part of the lowering, and
 * docs/lowering.md says all of it.
 */
import type { Body, GraphNode } from "../onnx/graph.js";
import { writtenGelu } from "./gelu.js";
import type { Rule } from "./operation.js";
import { type Match, type Pattern, writtenOut } from "./pattern.js";
import { Wiring } from "./wiring.js";
import { writtenNormalisation } from "./written-normalisation.js";

const patterns: readonly Pattern[] = [writtenGelu, writtenNormalisation];

export const rulesRecognised: ReadonlyMap<string, Rule> = new Map(
  patterns.map(({ operator, rule }) => [operator, rule]),
);

/** The same graph, in which the nodes of each recognised function are one. */
export function recognise(body: Body, around?: Wiring): Body {
  const wiring = new Wiring(body, around);
  const taken = new Set<GraphNode>();
  /** By the node in whose place they stand. */
  const recognised = new Map<GraphNode, GraphNode>();
  for (const node of body.nodes) {
    for (const pattern of patterns) {
      const match = pattern
        .matches(node, wiring)
        .find((one) => isWhole(one, wiring) && !one.nodes.some((node) => taken.has(node)));
      if (match === undefined) continue;
      for (const one of match.nodes) taken.add(one);
      recognised.set(match.nodes.at(-1) as GraphNode, joined(pattern, match));
    }
  }
  const nodes = body.nodes.flatMap((node) => {
    if (taken.has(node)) return recognised.get(node) ?? [];
    if (node.graphs.size === 0) return node;
    const graphs = [...node.graphs].map(([name, of]) => [name, recognise(of, wiring)] as const);
    return { ...node, graphs: new Map(graphs) };
  });
  return { ...body, nodes };
}

/** Nobody else reads what its nodes give, nor does it take anything that they alone give. */
function isWhole({ nodes, inputs }: Match, wiring: Wiring): boolean {
  const given = new Set(nodes.flatMap((node) => node.outputs));
  return wiring.isClosed(nodes) && !inputs.some((name) => given.has(name));
}

function joined({ operator }: Pattern, { nodes, inputs, attributes = [] }: Match): GraphNode {
  const { name, version, outputs } = nodes.at(-1) as GraphNode;
  const written: Body = { parameters: [], constants: new Map(), nodes, outputs };
  return {
    name,
    operator,
    version,
    inputs,
    outputs,
    attributes: new Map(attributes.map((attribute) => [attribute.name, attribute])),
    graphs: new Map([[writtenOut, written]]),
  };
}
