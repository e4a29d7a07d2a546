/**
 * Canonical operators on values that are known while a model is compiled: mostly the arithmetic of
 * shapes. Only what is exact here is computed here; it gives the bits that a run would give. The
 * rest is left to the run.
 */
import { elementBytes, sizeOf } from "../dtype.js";
import { copyElements } from "./copy-elements.js";
import { type Element, isReadable, readElements, writeElements } from "./elements.js";
import { exactFunctions } from "./exact-functions.js";
import type { BufferFacts, MapOperator, Operator, PlainOperator } from "./value.js";

const elementsMax = 65_536;

/** Bytes of what the operator writes, or undefined where the run has to compute it. */
export function evaluate(
  operator: Operator,
  buffers: readonly BufferFacts[],
): readonly Uint8Array[] | undefined {
  for (const buffer of [...operator.reads, ...operator.writes]) {
    if ((buffers[buffer] as BufferFacts).elements > elementsMax) return undefined;
  }
  for (const buffer of operator.reads) {
    if ((buffers[buffer] as BufferFacts).bytes === undefined) return undefined;
  }
  switch (operator.opcode) {
    case "map":
      return evaluateMap(operator, buffers);
    case "copy":
      return evaluateCopy(operator, buffers);
    case "gather":
      return evaluateGather(operator, buffers);
    case "reduce":
      return evaluateReduce(operator, buffers);
    default:
      return undefined;
  }
}

function elementsOf(buffer: number, buffers: readonly BufferFacts[]): Element[] {
  const facts = buffers[buffer] as BufferFacts;
  return readElements(facts.bytes as Uint8Array, facts.dtype);
}

function evaluateMap(
  { reads, writes, shape, strides, constants, steps, results }: MapOperator,
  buffers: readonly BufferFacts[],
): Uint8Array[] | undefined {
  const computed = steps.map((step) => exactFunctions.get(step.name));
  const all = [...reads, ...writes].every((buffer) =>
    isReadable((buffers[buffer] as BufferFacts).dtype),
  );
  if (!all || computed.includes(undefined)) return undefined;
  const inputs = reads.map((buffer) => elementsOf(buffer, buffers));
  const outputs = results.map((): Element[] => []);
  const position = shape.map(() => 0);
  for (let count = sizeOf(shape); count > 0; count -= 1) {
    const registers: Element[] = inputs.map(
      (elements, input) => elements[dot(position, strides[input] ?? [])] as Element,
    );
    for (const { number } of constants) registers.push(number);
    for (const [index, step] of steps.entries()) {
      const operands = step.operands.map((register) => registers[register] as Element);
      registers.push((computed[index] as (...operands: Element[]) => Element)(...operands));
    }
    for (const [index, register] of results.entries()) {
      (outputs[index] as Element[]).push(registers[register] as Element);
    }
    advance(position, shape);
  }
  return outputs.map((elements, index) =>
    writeElements(elements, (buffers[writes[index] as number] as BufferFacts).dtype),
  );
}

function dot(position: readonly number[], strides: readonly number[]): number {
  return position.reduce((sum, at, axis) => sum + at * (strides[axis] ?? 0), 0);
}

/** To the next position in row-major order. */
function advance(position: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    position[axis] = (position[axis] as number) + 1;
    if ((position[axis] as number) < (shape[axis] as number)) return;
    position[axis] = 0;
  }
}

/** Words: fill, its bits; then of each part rank, from, to, shape, strides from, strides to. */
function evaluateCopy(
  { reads, writes, words }: PlainOperator,
  buffers: readonly BufferFacts[],
): Uint8Array[] | undefined {
  const facts = buffers[writes[0] as number] as BufferFacts;
  const size = elementBytes(facts.dtype);
  const to = new Uint8Array(facts.elements * size);
  const numbers = words.map(Number);
  if (numbers[0] === 1) {
    const pattern = new Uint8Array(8);
    new DataView(pattern.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(words[1] ?? 0)), true);
    for (let at = 0; at < to.length; at += size) to.set(pattern.subarray(0, size), at);
  }
  let at = 2;
  for (const read of reads) {
    const from = (buffers[read] as BufferFacts).bytes as Uint8Array;
    const [rank = 0, start = 0, target = 0] = numbers.slice(at, at + 3);
    const axes = (index: number) =>
      numbers.slice(at + 3 + rank * index, at + 3 + rank * (index + 1));
    copyElements(from, to, size, {
      shape: axes(0),
      from: start,
      fromStrides: axes(1),
      to: target,
      toStrides: axes(2),
    });
    at += 3 + rank * 3;
  }
  return [to];
}

function evaluateGather(
  { reads, writes, words }: PlainOperator,
  buffers: readonly BufferFacts[],
): Uint8Array[] | undefined {
  const [outer = 0, axis = 0, inner = 0] = words.map(Number);
  const data = (buffers[reads[0] as number] as BufferFacts).bytes as Uint8Array;
  const indices = elementsOf(reads[1] as number, buffers).map(Number);
  if (indices.some((index) => index < -axis || index >= axis)) return undefined; // the run says it
  const facts = buffers[writes[0] as number] as BufferFacts;
  const row = inner * elementBytes(facts.dtype);
  const to = new Uint8Array(facts.elements * elementBytes(facts.dtype));
  for (let o = 0; o < outer; o += 1) {
    for (const [position, index] of indices.entries()) {
      const from = (o * axis + (index < 0 ? index + axis : index)) * row;
      to.set(data.subarray(from, from + row), (o * indices.length + position) * row);
    }
  }
  return [to];
}

/** Integers only: the order of a sum of binary32 is the kernel's business. */
function evaluateReduce(
  { reads, writes, words }: PlainOperator,
  buffers: readonly BufferFacts[],
): Uint8Array[] | undefined {
  const [which = 0, outer = 0, length = 0, inner = 0] = words.map(Number);
  const facts = buffers[writes[0] as number] as BufferFacts;
  const step = [
    (a: bigint, b: bigint) => a + b,
    (a: bigint, b: bigint) => a * b,
    (a: bigint, b: bigint) => (a > b ? a : b),
    (a: bigint, b: bigint) => (a < b ? a : b),
  ][which - 1];
  if (step === undefined || length === 0) return undefined;
  if (facts.dtype !== "int64" && facts.dtype !== "int32") return undefined;
  const from = elementsOf(reads[0] as number, buffers) as bigint[];
  const to: bigint[] = [];
  for (let o = 0; o < outer; o += 1) {
    for (let i = 0; i < inner; i += 1) {
      const at = (j: number) => from[(o * length + j) * inner + i] as bigint;
      let total = at(0);
      for (let j = 1; j < length; j += 1) total = step(total, at(j));
      to.push(BigInt.asIntN(facts.dtype === "int64" ? 64 : 32, total));
    }
  }
  return [writeElements(to, facts.dtype)];
}
