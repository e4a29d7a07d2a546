/**
 * The parts of ONNX's public messages (onnx.proto, IR version 3 and later) that the importer reads,
 * as plain values. Field numbers are those of the format; unknown fields are skipped, as protobuf
 * asks.
 */
import {
  type Allowance,
  malformed,
  readFields,
  wireBytes,
  wireFloat,
  wireFloats,
  wireInteger,
  wireIntegers,
  wireText,
} from "./wire.js";

export interface OnnxTensor {
  name: string;
  dims: bigint[];
  dataType: number;
  /** Bytes of `raw_data`, or of `float_data` as it stands in the file. */
  raw: Uint8Array[];
  floats: Uint8Array[];
  int32s: bigint[];
  int64s: bigint[];
  /** Where its bytes lie when they lie outside the file: `location`, `offset`, `length`. */
  external: Map<string, string> | undefined;
}

export interface OnnxAttribute {
  name: string;
  float?: number;
  integer?: bigint;
  text?: string;
  tensor?: OnnxTensor;
  floats: Uint8Array[];
  integers: bigint[];
  texts: string[];
  graph?: OnnxGraph;
  /** It holds what only sequences and the like need. */
  isOther: boolean;
}

export interface OnnxNode {
  inputs: string[];
  outputs: string[];
  name: string;
  operator: string;
  domain: string;
  attributes: OnnxAttribute[];
}

export interface OnnxValue {
  name: string;
  /** 0 when the value is no tensor. */
  elementType: number;
  axes: (bigint | string | undefined)[] | undefined;
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  hasSparse: boolean;
}

export interface OnnxModel {
  opsets: Map<string, bigint>;
  graph: OnnxGraph;
}

/** `fieldsMax` bounds the fields and packed integers of the whole file. */
export function decodeOnnx(bytes: Uint8Array, fieldsMax: number): OnnxModel {
  const allowance = { fields: fieldsMax };
  const opsets = new Map<string, bigint>();
  let graph: OnnxGraph | undefined;
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 7) graph = decodeGraph(wireBytes(value), allowance, 0);
    if (number === 8) {
      let domain = "";
      let version = 0n;
      for (const field of readFields(wireBytes(value), allowance)) {
        if (field.number === 1) domain = wireText(field.value);
        if (field.number === 2) version = wireInteger(field.value);
      }
      opsets.set(domain === "ai.onnx" ? "" : domain, version);
    }
  }
  if (graph === undefined) throw malformed("it holds no graph");
  return { opsets, graph };
}

/** Graphs within graphs, which are read one inside the other. */
const depthMax = 32;

function decodeGraph(bytes: Uint8Array, allowance: Allowance, depth: number): OnnxGraph {
  if (depth > depthMax) throw malformed(`more than ${depthMax} graphs one inside the other`);
  const graph: OnnxGraph = {
    nodes: [],
    initializers: [],
    inputs: [],
    outputs: [],
    hasSparse: false,
  };
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1) graph.nodes.push(decodeNode(wireBytes(value), allowance, depth));
    if (number === 5) graph.initializers.push(decodeTensor(wireBytes(value), allowance));
    if (number === 11) graph.inputs.push(decodeValue(wireBytes(value), allowance));
    if (number === 12) graph.outputs.push(decodeValue(wireBytes(value), allowance));
    if (number === 15) graph.hasSparse = true;
  }
  return graph;
}

function decodeNode(bytes: Uint8Array, allowance: Allowance, depth: number): OnnxNode {
  const node: OnnxNode = {
    inputs: [],
    outputs: [],
    name: "",
    operator: "",
    domain: "",
    attributes: [],
  };
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1) node.inputs.push(wireText(value));
    if (number === 2) node.outputs.push(wireText(value));
    if (number === 3) node.name = wireText(value);
    if (number === 4) node.operator = wireText(value);
    if (number === 5) node.attributes.push(decodeAttribute(wireBytes(value), allowance, depth));
    if (number === 7) node.domain = wireText(value);
  }
  return node;
}

/** Sparse tensors, types, and lists of tensors or graphs. */
const isOther: ReadonlySet<number> = new Set([10, 11, 14, 15, 22, 23]);

function decodeAttribute(bytes: Uint8Array, allowance: Allowance, depth: number): OnnxAttribute {
  const attribute: OnnxAttribute = {
    name: "",
    floats: [],
    integers: [],
    texts: [],
    isOther: false,
  };
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1) attribute.name = wireText(value);
    if (number === 2) attribute.float = wireFloat(value);
    if (number === 3) attribute.integer = wireInteger(value);
    if (number === 4) attribute.text = wireText(value);
    if (number === 5) attribute.tensor = decodeTensor(wireBytes(value), allowance);
    if (number === 6) attribute.graph = decodeGraph(wireBytes(value), allowance, depth + 1);
    if (number === 7) attribute.floats.push(wireFloats(value));
    if (number === 8) {
      for (const integer of wireIntegers(value, allowance)) attribute.integers.push(integer);
    }
    if (number === 9) attribute.texts.push(wireText(value));
    if (isOther.has(number)) attribute.isOther = true;
  }
  return attribute;
}

function decodeEntry(bytes: Uint8Array, allowance: Allowance): [string, string] {
  const entry: [string, string] = ["", ""];
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1 || number === 2) entry[number - 1] = wireText(value);
  }
  return entry;
}

function decodeTensor(bytes: Uint8Array, allowance: Allowance): OnnxTensor {
  const external: [string, string][] = [];
  const tensor: OnnxTensor = {
    name: "",
    dims: [],
    dataType: 0,
    raw: [],
    floats: [],
    int32s: [],
    int64s: [],
    external: undefined,
  };
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1) for (const size of wireIntegers(value, allowance)) tensor.dims.push(size);
    if (number === 2) tensor.dataType = Number(wireInteger(value));
    if (number === 4) tensor.floats.push(wireFloats(value));
    if (number === 5) {
      for (const integer of wireIntegers(value, allowance)) tensor.int32s.push(integer);
    }
    if (number === 7)
      for (const integer of wireIntegers(value, allowance)) tensor.int64s.push(integer);
    if (number === 8) tensor.name = wireText(value);
    if (number === 9) tensor.raw = [wireBytes(value)];
    if (number === 13) external.push(decodeEntry(wireBytes(value), allowance));
    if (number === 14 && wireInteger(value) !== 0n) tensor.external = new Map();
  }
  if (tensor.external !== undefined) tensor.external = new Map(external);
  return tensor;
}

function decodeValue(bytes: Uint8Array, allowance: Allowance): OnnxValue {
  const result: OnnxValue = { name: "", elementType: 0, axes: undefined };
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number === 1) result.name = wireText(value);
    if (number !== 2) continue;
    for (const type of readFields(wireBytes(value), allowance)) {
      if (type.number !== 1) continue;
      for (const field of readFields(wireBytes(type.value), allowance)) {
        if (field.number === 1) result.elementType = Number(wireInteger(field.value));
        if (field.number === 2) result.axes = decodeAxes(wireBytes(field.value), allowance);
      }
    }
  }
  return result;
}

function decodeAxes(bytes: Uint8Array, allowance: Allowance): (bigint | string | undefined)[] {
  const axes: (bigint | string | undefined)[] = [];
  for (const { number, value } of readFields(bytes, allowance)) {
    if (number !== 1) continue;
    let axis: bigint | string | undefined;
    for (const field of readFields(wireBytes(value), allowance)) {
      if (field.number === 1) axis = wireInteger(field.value);
      if (field.number === 2) axis = wireText(field.value);
    }
    axes.push(axis === "" ? undefined : axis);
  }
  return axes;
}
