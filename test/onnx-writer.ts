/** Writes small ONNX models for tests: the wire format and the messages, as far as tests need them. */
import { concatBytes } from "../src/base/bytes.js";

const encoder = new TextEncoder();

function varint(value: bigint | number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

export function integerField(field: number, value: bigint | number): Uint8Array {
  return concatBytes(varint(field << 3), varint(value));
}

export function bytesField(field: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return concatBytes(varint((field << 3) | 2), varint(bytes.length), bytes);
}

export function messageField(field: number, ...parts: Uint8Array[]): Uint8Array {
  return bytesField(field, concatBytes(...parts));
}

/** Whole numbers are integers, lists of them likewise; other numbers say that they are floats. */
export type AttributeParts =
  | number
  | readonly number[]
  | string
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: ConstantParts };

export interface NodeParts {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeParts>>;
  readonly graphs?: Readonly<Record<string, GraphParts>>;
}

export interface ValueParts {
  readonly name: string;
  /** 1 is float32, 7 is int64; 0 leaves the type open. */
  readonly type?: number;
  /** Absent: the model says nothing about the shape. */
  readonly axes?: readonly (number | string | undefined)[];
}

export interface ConstantParts {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  /** Further fields of the tensor, as they stand in the file. */
  readonly fields?: Uint8Array;
}

export interface GraphParts {
  readonly nodes: readonly NodeParts[];
  readonly inputs?: readonly ValueParts[];
  /** By name alone: float32 of an open shape. */
  readonly outputs: readonly (string | ValueParts)[];
  readonly constants?: readonly ConstantParts[];
}

export interface ModelParts extends GraphParts {
  readonly inputs: readonly ValueParts[];
  readonly opset?: number;
  /** Of ai.onnx.ml. */
  readonly learning?: number;
}

export function writeModel(parts: ModelParts): Uint8Array {
  const { opset = 17, learning } = parts;
  const versions = [messageField(8, integerField(2, opset))];
  if (learning !== undefined) {
    versions.push(messageField(8, bytesField(1, "ai.onnx.ml"), integerField(2, learning)));
  }
  return concatBytes(integerField(1, 8), ...versions, writeGraph(7, parts));
}

function writeGraph(field: number, parts: GraphParts): Uint8Array {
  const { nodes, inputs = [], outputs, constants = [] } = parts;
  return messageField(
    field,
    ...nodes.map(writeNode),
    ...constants.map((constant) => writeConstant(5, constant)),
    ...inputs.map((input) => writeValue(11, input)),
    ...outputs.map((output) =>
      writeValue(12, typeof output === "string" ? { name: output } : output),
    ),
  );
}

function writeConstant(field: number, { name, type, dims, raw, fields }: ConstantParts) {
  return messageField(
    field,
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, type),
    bytesField(8, name),
    ...(raw === undefined ? [] : [bytesField(9, raw)]),
    fields ?? new Uint8Array(),
  );
}

function writeNode(node: NodeParts): Uint8Array {
  return messageField(
    1,
    ...node.inputs.map((name) => bytesField(1, name)),
    ...node.outputs.map((name) => bytesField(2, name)),
    bytesField(3, node.name ?? ""),
    bytesField(4, node.operator),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) =>
      messageField(5, bytesField(1, name), ...writeAttribute(value)),
    ),
    ...Object.entries(node.graphs ?? {}).map(([name, graph]) =>
      messageField(5, bytesField(1, name), writeGraph(6, graph), integerField(20, 5)),
    ),
    bytesField(7, node.domain ?? ""),
  );
}

function writeAttribute(value: AttributeParts): Uint8Array[] {
  if (typeof value === "number") return [integerField(3, value), integerField(20, 2)];
  if (typeof value === "string") return [bytesField(4, value), integerField(20, 3)];
  if ("float" in value) return [floatField(2, value.float), integerField(20, 1)];
  if ("tensor" in value) return [writeConstant(5, value.tensor), integerField(20, 4)];
  if ("floats" in value) {
    return [...value.floats.map((float) => floatField(7, float)), integerField(20, 6)];
  }
  const isText = typeof value[0] === "string";
  const items = value.map((item) =>
    typeof item === "number" ? integerField(8, item) : bytesField(9, item),
  );
  return [...items, integerField(20, isText ? 8 : 7)];
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return concatBytes(varint((field << 3) | 5), bytes);
}

function writeValue(field: number, { name, type = 1, axes }: ValueParts): Uint8Array {
  if (type === 0) return messageField(field, bytesField(1, name));
  const shape = (axes ?? []).map((axis) =>
    messageField(
      1,
      ...(axis === undefined
        ? []
        : [typeof axis === "number" ? integerField(1, axis) : bytesField(2, axis)]),
    ),
  );
  const tensorType = [integerField(1, type)];
  if (axes !== undefined) tensorType.push(messageField(2, ...shape));
  return messageField(field, bytesField(1, name), messageField(2, messageField(1, ...tensorType)));
}

export function int64Bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new BigInt64Array(values.map((value) => BigInt(value))).buffer);
}

/** One operator, from a and, where it takes two, b to c. */
export function operatorModel(operator: string, operands: 1 | 2 = 2): Uint8Array {
  const inputs = ["a", "b"].slice(0, operands);
  return writeModel({
    nodes: [{ operator, inputs, outputs: ["c"] }],
    inputs: inputs.map((name) => ({ name })),
    outputs: ["c"],
  });
}

export function topKModel(k: number, largest: boolean): Uint8Array {
  return writeModel({
    nodes: [
      {
        operator: "TopK",
        inputs: ["rows", "k"],
        outputs: ["values", "indices"],
        attributes: { largest: largest ? 1 : 0 },
      },
    ],
    inputs: [{ name: "rows" }],
    outputs: ["values", "indices"],
    constants: [{ name: "k", type: 7, dims: [1], raw: int64Bytes(k) }],
  });
}
