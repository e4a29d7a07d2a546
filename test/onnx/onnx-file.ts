/**
 * Reads what the official suite consists of: a model's outline (operators, element types, inputs and
 * outputs), and tensors in files of their own. More than the importer reads and no check of a model:
 * the suite holds much that cannot be compiled.
 */
import { elementTypeName, sizeOf } from "../../src/compute/tensor/dtype.js";
import {
  readFields,
  type WireValue,
  wireBytes,
  wireFloats,
  wireInteger,
  wireIntegers,
  wireText,
} from "../../src/compute/tensor/onnx/wire.js";
import { type Elements, elementsTypes, type HeldTensor } from "./elements.js";

export interface OperatorUse {
  /** With its domain in front where that is not the default one. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly integers: ReadonlyMap<string, bigint>;
}

export interface ValueOutline {
  readonly name: string;
  /** `tensor`, or what else the value is. */
  readonly kind: string;
  /** 0 where it is no tensor. */
  readonly elementType: number;
  /** Sizes of its axes where the model fixes them; undefined when it leaves even their number open. */
  readonly axes: readonly (number | undefined)[] | undefined;
}

export interface ModelOutline {
  /** Of the default domain. */
  opset: number;
  readonly operators: OperatorUse[];
  /** Of every tensor that the model names or holds. */
  readonly elementTypes: Set<number>;
  /** Without those that an initializer gives. */
  inputs: ValueOutline[];
  readonly outputs: ValueOutline[];
}

/** A tensor of a type that is not held has no data. */
export type FileTensor = HeldTensor | Omit<HeldTensor, "data">;

const fieldsMax = 10_000_000;
const fields = (value: WireValue) => readFields(wireBytes(value), { fields: fieldsMax });

export function readOutline(bytes: Uint8Array): ModelOutline {
  const outline: ModelOutline = {
    opset: 0,
    operators: [],
    elementTypes: new Set(),
    inputs: [],
    outputs: [],
  };
  for (const { number, value } of readFields(bytes, { fields: fieldsMax })) {
    if (number === 7) readGraph(value, outline);
    if (number === 8) readOpset(value, outline);
    if (number !== 25) continue;
    // A function of the model's own: its nodes count as if they stood in the graph.
    for (const field of fields(value)) if (field.number === 7) readNode(field.value, outline);
  }
  return outline;
}

function readOpset(value: WireValue, outline: ModelOutline): void {
  let domain = "";
  let version = 0;
  for (const field of fields(value)) {
    if (field.number === 1) domain = wireText(field.value);
    if (field.number === 2) version = Number(wireInteger(field.value));
  }
  if (domain === "" || domain === "ai.onnx") outline.opset = version;
}

function readGraph(graph: WireValue, outline: ModelOutline): void {
  const given = new Set<string>();
  const inputs: ValueOutline[] = [];
  for (const { number, value } of fields(graph)) {
    if (number === 1) readNode(value, outline);
    if (number === 5) given.add(readTensorType(value, outline));
    if (number === 11) inputs.push(readValue(value, outline));
    if (number === 12) outline.outputs.push(readValue(value, outline));
    if (number === 13) readValue(value, outline);
  }
  outline.inputs = inputs.filter(({ name }) => !given.has(name));
}

function readNode(node: WireValue, outline: ModelOutline): void {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const integers = new Map<string, bigint>();
  let operator = "";
  let domain = "";
  for (const { number, value } of fields(node)) {
    if (number === 1) inputs.push(wireText(value));
    if (number === 2) outputs.push(wireText(value));
    if (number === 4) operator = wireText(value);
    if (number === 5) readAttribute(value, integers, outline);
    if (number === 7) domain = wireText(value);
  }
  const name = domain === "" || domain === "ai.onnx" ? operator : `${domain}.${operator}`;
  outline.operators.push({ name, inputs, outputs, integers });
}

function readAttribute(
  attribute: WireValue,
  integers: Map<string, bigint>,
  outline: ModelOutline,
): void {
  let name = "";
  let integer: bigint | undefined;
  for (const { number, value } of fields(attribute)) {
    if (number === 1) name = wireText(value);
    if (number === 3) integer = wireInteger(value);
    if (number === 5) readTensorType(value, outline);
    if (number === 6) readBranch(value, outline);
  }
  if (integer === undefined) return;
  integers.set(name, integer);
  if (name === "to" || name === "dtype") outline.elementTypes.add(Number(integer));
}

/** A graph inside an operator has inputs and outputs of its own, which are not the model's. */
function readBranch(graph: WireValue, outline: ModelOutline): void {
  readGraph(graph, { ...outline, inputs: [], outputs: [] });
}

/** Of a tensor inside a model only its type counts; returns its name. */
function readTensorType(tensor: WireValue, outline: ModelOutline): string {
  let name = "";
  for (const { number, value } of fields(tensor)) {
    if (number === 2) outline.elementTypes.add(Number(wireInteger(value)));
    if (number === 8) name = wireText(value);
  }
  return name;
}

const valueKinds: ReadonlyMap<number, string> = new Map([
  [1, "tensor"],
  [4, "sequence"],
  [5, "map"],
  [8, "sparse tensor"],
  [9, "optional"],
]);

function readValue(info: WireValue, outline: ModelOutline): ValueOutline {
  let name = "";
  let kind = "untyped";
  let elementType = 0;
  let axes: (number | undefined)[] | undefined;
  for (const { number, value } of fields(info)) {
    if (number === 1) name = wireText(value);
    if (number !== 2) continue;
    for (const type of fields(value)) {
      kind = valueKinds.get(type.number) ?? kind;
      if (type.number !== 1) continue;
      for (const field of fields(type.value)) {
        if (field.number === 1) elementType = Number(wireInteger(field.value));
        if (field.number === 2) axes = [...fields(field.value)].map(readAxis);
      }
    }
  }
  outline.elementTypes.add(elementType);
  return { name, kind, elementType, axes };
}

function readAxis({ value }: { readonly value: WireValue }): number | undefined {
  let size: number | undefined;
  for (const field of fields(value)) {
    if (field.number === 1) size = Number(wireInteger(field.value));
  }
  return size;
}

/** A tensor in a file of its own. */
export function readTensorFile(bytes: Uint8Array): FileTensor {
  const parts: TensorParts = {
    name: "",
    shape: [],
    type: 0,
    raw: undefined,
    chunks: [],
    integers: [],
  };
  for (const { number, value } of readFields(bytes, { fields: fieldsMax })) {
    readTensorField(number, value, parts);
  }
  const { name, shape, type } = parts;
  const dtype = elementTypeName(type);
  const data = elementsOf(parts);
  return data === undefined ? { name, dtype, shape } : { name, dtype, shape, data };
}

interface TensorParts {
  name: string;
  shape: number[];
  type: number;
  raw: Uint8Array | undefined;
  /** Of `float_data` and `double_data`, as they stand in the file. */
  readonly chunks: Uint8Array[];
  /** Of `int32_data`, `int64_data` and `uint64_data`. */
  readonly integers: bigint[];
}

function readTensorField(number: number, value: WireValue, parts: TensorParts): void {
  const integers = () => wireIntegers(value, { fields: fieldsMax });
  if (number === 1) parts.shape.push(...integers().map(Number));
  if (number === 2) parts.type = Number(wireInteger(value));
  if (number === 4) parts.chunks.push(wireFloats(value));
  if (number === 5 || number === 7 || number === 11) {
    for (const integer of integers()) parts.integers.push(integer);
  }
  if (number === 8) parts.name = wireText(value);
  if (number === 9) parts.raw = wireBytes(value);
  if (number === 10) parts.chunks.push(value.kind === "fixed64" ? value.bytes : wireBytes(value));
}

function elementsOf({
  type,
  raw,
  chunks,
  integers,
  shape,
  name,
}: TensorParts): Elements | undefined {
  const Type = elementsTypes.get(elementTypeName(type));
  if (Type === undefined) return undefined;
  const count = sizeOf(shape);
  const buffer = new ArrayBuffer(count * Type.BYTES_PER_ELEMENT);
  const data = new Type(buffer);
  const stored = raw ?? Buffer.concat(chunks);
  const held = integers.length > 0 ? integers.length : stored.length / Type.BYTES_PER_ELEMENT;
  if (held !== count) throw new Error(`tensor ${name} holds ${held} elements of ${count}`);
  if (integers.length === 0) {
    new Uint8Array(buffer).set(stored);
    return data;
  }
  for (const [index, integer] of integers.entries()) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = integer;
    else data[index] = Number(integer);
  }
  return data;
}
