/** A function that a model may write out in basic operators, and what it becomes when it does. */
import type { Value } from "../canonical/value.js";
import type { GraphNode } from "../onnx/graph.js";
import type { OnnxAttribute } from "../onnx/message.js";
import type { Operation, Rule } from "./operation.js";
import type { Wiring } from "./wiring.js";

export interface Match {
  /** In an order that can run; the last one gives the result. */
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly attributes?: readonly OnnxAttribute[];
}

export interface Pattern {
  /** What it is called in messages; no operator of a model can have this name. */
  readonly operator: string;
  /** Ways to see a node as the last one, the best first; who else reads the others is asked later. */
  readonly matches: (node: GraphNode, wiring: Wiring) => readonly Match[];
  readonly rule: Rule;
}

/** The name of the graph within a recognised node that holds the nodes as the model has them. */
export const writtenOut = "written out";

/** For values that turn out not to fit. */
export function asWritten(operation: Operation): readonly Value[] {
  return operation.graph(writtenOut);
}
