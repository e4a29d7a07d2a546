/**
 * The flat program, version 1: the bytes that native/program/decode.cc reads and checks again.
 * Frozen; native/program/format.h is the same table in the other language.
 */
import { QuipuError } from "../../base/errors.js";
import { dtypeNumbers, graphLimits } from "./graph.js";
import type { LoweredGraph, LoweredOperator } from "./lower.js";
import { opcodes } from "./operators.js";
import { type Plan, placedBytes, placementBytes } from "./plan.js";

const magic = 0x47525051; // "QPRG"
const programVersion = 1;
const arithmeticVersion = 1; // canonical-1
const headerBytes = 64;
const tensorRecordBytes = 88;
const operatorRecordBytes = 64;
const tensorsMax = 16_384;
const outputsMax = 1_024;
const places = Object.freeze({ input: 1, constant: 2, arena: 3 });

export function encodeProgram(graph: LoweredGraph, plan: Plan): Uint8Array {
  const names = tensorNames(graph, plan);
  if (names.length > tensorsMax || graph.outputs.length > outputsMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `the model has ${names.length} tensors and ${graph.outputs.length} outputs; ` +
        `at most ${tensorsMax} and ${outputsMax} are compiled`,
    );
  }
  const numbers = new Map(names.map((name, number) => [name, number]));
  const constants = placeConstants(graph, names);
  const operatorsAt = headerBytes + names.length * tensorRecordBytes;
  const outputsAt = operatorsAt + graph.operators.length * operatorRecordBytes;
  const recordsEnd = outputsAt + graph.outputs.length * 4;
  const constantsAt = Math.ceil(recordsEnd / placementBytes) * placementBytes;
  const bytes = new Uint8Array(constantsAt + constants.bytes);
  const view = new DataView(bytes.buffer);
  const header = [
    magic,
    programVersion,
    arithmeticVersion,
    names.length,
    graph.operators.length,
    graph.inputs.length,
    graph.outputs.length,
  ];
  for (const [field, value] of header.entries()) view.setUint32(field * 4, value, true);
  setSize(view, 32, constants.bytes);
  setSize(view, 40, plan.arenaBytes);
  setSize(view, 48, bytes.length);
  for (const [number, name] of names.entries()) {
    writeTensor(view, headerBytes + number * tensorRecordBytes, graph, name, plan, constants);
  }
  for (const [index, operator] of graph.operators.entries()) {
    writeOperator(view, operatorsAt + index * operatorRecordBytes, operator, numbers);
  }
  for (const [index, name] of graph.outputs.entries()) {
    view.setUint32(outputsAt + index * 4, numbers.get(name) as number, true);
  }
  for (const [name, offset] of constants.offsets) {
    bytes.set(graph.constants.get(name)?.bytes ?? [], constantsAt + offset);
  }
  return bytes;
}

/** Inputs first, in order; then constants and results that some operator or output names. */
function tensorNames(graph: LoweredGraph, plan: Plan): string[] {
  const names = new Set(graph.inputs);
  for (const operator of graph.operators) {
    for (const name of operator.reads) if (graph.constants.has(name)) names.add(name);
  }
  for (const name of graph.outputs) if (graph.constants.has(name)) names.add(name);
  for (const name of plan.offsets.keys()) names.add(name);
  return [...names];
}

interface PlacedConstants {
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
}

function placeConstants(graph: LoweredGraph, names: readonly string[]): PlacedConstants {
  const offsets = new Map<string, number>();
  let at = 0;
  for (const name of names) {
    if (!graph.constants.has(name)) continue;
    offsets.set(name, at);
    at += placedBytes(graph, name);
  }
  return { offsets, bytes: at };
}

function writeTensor(
  view: DataView,
  at: number,
  graph: LoweredGraph,
  name: string,
  plan: Plan,
  constants: PlacedConstants,
): void {
  const facts = graph.tensors.get(name);
  if (facts === undefined) throw new QuipuError("INTERNAL", `tensor ${name} has no shape`);
  const constant = constants.offsets.get(name);
  const arena = plan.offsets.get(name);
  const place = constant !== undefined ? "constant" : arena !== undefined ? "arena" : "input";
  view.setUint32(at, dtypeNumbers[facts.dtype], true);
  view.setUint32(at + 4, places[place], true);
  view.setUint32(at + 8, facts.shape.length, true);
  setSize(view, at + 16, constant ?? arena ?? 0);
  if (facts.shape.length > graphLimits.axesMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `tensor ${name} has ${facts.shape.length} axes`);
  }
  for (const [axis, size] of facts.shape.entries()) setSize(view, at + 24 + axis * 8, size);
}

function writeOperator(
  view: DataView,
  at: number,
  operator: LoweredOperator,
  numbers: ReadonlyMap<string, number>,
): void {
  const operands = [...operator.reads, ...operator.writes];
  view.setUint32(at, opcodes[operator.operator], true);
  view.setUint32(at + 4, operands.length, true);
  for (const [index, name] of operands.entries()) {
    view.setUint32(at + 8 + index * 4, numbers.get(name) as number, true);
  }
  for (const [index, value] of operator.attributes.entries()) {
    view.setBigInt64(at + 40 + index * 8, BigInt(value), true);
  }
}

function setSize(view: DataView, at: number, value: number): void {
  view.setBigUint64(at, BigInt(value), true);
}
