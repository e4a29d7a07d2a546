/** One node on its way to canonical operators: its inputs as values, its attributes by type. */
import { QuipuError } from "../../../base/errors.js";
import type { Builder } from "../canonical/builder.js";
import { type Element, isReadable, readElements } from "../canonical/elements.js";
import type { Value } from "../canonical/value.js";
import { type DType, sizeOf } from "../dtype.js";
import { readConstant } from "../onnx/constant.js";
import type { Body, Constant, GraphNode } from "../onnx/graph.js";
import type { OnnxAttribute } from "../onnx/message.js";

/** Gives the node's outputs, in order; those that it leaves out nobody may read. */
export type Rule = (operation: Operation) => readonly Value[];
export type Rules = Readonly<Record<string, Rule>>;

/** Of a tensor that is looked at while compiling. */
const elementsReadMax = 2 ** 22;

const nextOf = {
  MODEL_INVALID: "export the model again, with a current exporter",
  MODEL_UNSUPPORTED: "export the model in another way; docs/lowering.md says what is compiled",
};

/** What a graph gives for its parameters. */
export type LowerBody = (body: Body, given: readonly Value[]) => readonly Value[];

/** Of indices and weights that are worked out for every position of an axis. */
const positionsMax = 2 ** 22;

export class Operation {
  readonly builder: Builder;
  readonly node: GraphNode;
  readonly #inputs: readonly (Value | undefined)[];
  readonly #lower: LowerBody;

  /** `lower`: what a graph gives that lies within the node. */
  constructor(
    builder: Builder,
    node: GraphNode,
    inputs: readonly (Value | undefined)[],
    lower: LowerBody = () => [],
  ) {
    this.builder = builder;
    this.node = node;
    this.#inputs = inputs;
    this.#lower = lower;
  }

  get version(): number {
    return this.node.version;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  input(index: number): Value {
    return this.#inputs[index] ?? this.#wrong(`lacks its input ${index}`);
  }

  optional(index: number): Value | undefined {
    return this.#inputs[index];
  }

  /** All inputs of an operator that takes any number of them. */
  every(first = 0): Value[] {
    return this.#inputs.slice(first).map((_, index) => this.input(first + index));
  }

  float(index: number): Value {
    return this.typed(index, "float32");
  }

  typed(index: number, ...dtypes: DType[]): Value {
    const value = this.input(index);
    if (dtypes.includes(value.dtype)) return value;
    throw this.unsupported(`takes ${dtypes.join(" or ")} and its input ${index} is ${value.dtype}`);
  }

  /** Integers that shapes depend on: they must be known when the model is compiled. */
  integersKnown(index: number): number[] {
    return this.elementsKnown(index).map(Number);
  }

  /** Elements that must be known when the model is compiled. */
  elementsKnown(index: number): Element[] {
    const { dtype, shape } = this.input(index);
    const bytes = this.bytesKnown(index);
    if (isReadable(dtype) && sizeOf(shape) <= elementsReadMax) return readElements(bytes, dtype);
    throw this.unsupported(`cannot read ${dtype} [${shape.join(", ")}] while compiling`);
  }

  bytesKnown(index: number): Uint8Array {
    const value = this.input(index);
    const bytes = this.builder.known(value);
    if (bytes !== undefined) return bytes;
    const bind = this.builder.rootsOf(value);
    throw this.unsupported(
      `needs the value of its input ${index} while the model is compiled` +
        (bind.length === 0 ? "" : `; it depends on ${bind.join(", ")}`),
      { bind },
    );
  }

  attribute(name: string): OnnxAttribute | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute?.isOther)
      throw this.unsupported(`has the attribute ${name}, of a kind that is not read`);
    return attribute;
  }

  integer(name: string, otherwise: number): number {
    const attribute = this.attribute(name);
    if (attribute === undefined) return otherwise;
    return Number(attribute.integer ?? this.#wrong(`has no integer in its attribute ${name}`));
  }

  /** Where nothing but these two means anything. */
  flag(name: string, otherwise: 0 | 1): 0 | 1 {
    const flag = this.integer(name, otherwise);
    return flag === 0 || flag === 1 ? flag : this.#wrong(`has ${name} = ${flag}`);
  }

  number(name: string, otherwise: number): number {
    const attribute = this.attribute(name);
    if (attribute === undefined) return otherwise;
    return attribute.float ?? this.#wrong(`has no number in its attribute ${name}`);
  }

  text(name: string, otherwise: string): string {
    const attribute = this.attribute(name);
    if (attribute === undefined) return otherwise;
    return attribute.text ?? this.#wrong(`has no text in its attribute ${name}`);
  }

  integers(name: string): number[] | undefined {
    return this.attribute(name)?.integers.map(Number);
  }

  numbers(name: string): number[] | undefined {
    const bytes = this.attribute(name)?.floats;
    if (bytes === undefined) return undefined;
    const joined = Buffer.concat(bytes);
    return Array.from({ length: joined.length / 4 }, (_, at) => joined.readFloatLE(at * 4));
  }

  texts(name: string): string[] | undefined {
    return this.attribute(name)?.texts;
  }

  tensor(name: string): Constant | undefined {
    const tensor = this.attribute(name)?.tensor;
    return tensor && readConstant(tensor);
  }

  /** What the graph in that attribute gives, computed here and now. */
  graph(name: string, given: readonly Value[] = []): readonly Value[] {
    const body = this.node.graphs.get(name) ?? this.#wrong(`has no graph ${name}`);
    if (body.parameters.length === given.length) return this.#lower(body, given);
    throw this.wrong(`gives its ${name} ${given.length} tensors for ${body.parameters.length}`);
  }

  /** An axis counted from either end, as a number from the front. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) {
      throw this.wrong(`names axis ${axis} of a tensor with ${rank} axes`);
    }
    return axis < 0 ? axis + rank : axis;
  }

  /** Ascending, each once. */
  axes(axes: readonly number[], rank: number): number[] {
    return [...new Set(axes.map((axis) => this.axis(axis, rank)))].sort((a, b) => a - b);
  }

  /** NumPy's rule: from the last axis on, sizes are equal or one of them is 1. */
  broadcast(...shapes: (readonly number[])[]): number[] {
    const rank = Math.max(...shapes.map((shape) => shape.length));
    return Array.from({ length: rank }, (_, axis) => {
      const sizes = new Set(shapes.map((shape) => shape[shape.length - rank + axis] ?? 1));
      sizes.delete(1);
      if (sizes.size > 1) throw this.mismatch("shapes do not broadcast");
      return [...sizes][0] ?? 1;
    });
  }

  /** 0, 1, … below `count`, refused where the compiler would have to hold too many. */
  upTo(count: number): number[] {
    if (!Number.isInteger(count) || count < 0) throw this.mismatch(`an axis of ${count} positions`);
    if (count <= positionsMax) return [...new Array(count).keys()];
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `node ${this.node.name} (${this.node.operator}) needs ${count} positions while the model is ` +
        `compiled, and at most ${positionsMax} are held`,
      { next: "use smaller inputs", details: { node: this.node.name } },
    );
  }

  wrong(what: string): QuipuError {
    return this.#error("MODEL_INVALID", what);
  }

  /** `bind`: inputs of the model whose value, beside their shape, would help; `next`: what else would. */
  unsupported(
    what: string,
    { bind, next }: { readonly bind?: readonly string[]; readonly next?: string } = {},
  ): QuipuError {
    if (bind === undefined) return this.#error("MODEL_UNSUPPORTED", what, {}, next);
    const give = bind.length === 0 ? next : `give the values of ${bind.join(", ")}`;
    return this.#error("MODEL_UNSUPPORTED", what, { bind }, give);
  }

  mismatch(why: string): QuipuError {
    const shapes = this.node.inputs.flatMap((name, index) => {
      const value = this.#inputs[index];
      return value === undefined ? [] : `${name} [${value.shape.join(", ")}]`;
    });
    return new QuipuError(
      "SHAPE_MISMATCH",
      `node ${this.node.name} (${this.node.operator}) cannot combine ${shapes.join(" and ")}: ${why}`,
      {
        next: "check the shapes of the inputs against the model",
        details: { node: this.node.name, inputs: this.node.inputs },
      },
    );
  }

  #wrong(what: string): never {
    throw this.wrong(what);
  }

  #error(code: keyof typeof nextOf, what: string, details: object = {}, next = nextOf[code]) {
    return new QuipuError(code, `node ${this.node.name} (${this.node.operator}) ${what}`, {
      next,
      details: { node: this.node.name, ...details },
    });
  }
}
