/**
 * A second machine for flat programs: plain JavaScript, slow, near rather than exact where it has to use
 * Math. It shares no kernel, no memory check and no run loop with the addon, so that what is wrong in a
 * lowering and what is wrong in native code can be told apart.
 */
import { type DType, elementBytes } from "../../../src/compute/tensor/dtype.js";
import { type Elements, elementsTypes } from "../elements.js";
import { gather, gatherElements, gatherNd, scatterElements, scatterNd } from "./indices.js";
import { map } from "./map.js";
import { copy, matmul, normalise, reduce, scan, softmax, topk } from "./plain.js";
import { type FlatProgram, type ProgramOperator, readProgram } from "./program.js";
import { convolution, pool } from "./windows.js";

/** Operands in order: what is read, then what is written. */
export type Kernel = (
  words: readonly bigint[],
  reads: readonly Elements[],
  writes: readonly Elements[],
  types: readonly DType[],
) => void;

const kernels: ReadonlyMap<number, Kernel> = new Map([
  [1, matmul],
  [2, map],
  [3, reduce],
  [4, softmax],
  [5, normalise],
  [6, copy],
  [7, gather],
  [8, gatherElements],
  [9, gatherNd],
  [10, scatterElements],
  [11, scatterNd],
  [12, scan],
  [13, topk],
  [14, convolution],
  [15, pool],
]);

/** `inputs` and results: elements in the program's order. */
export function runProgram(bytes: Uint8Array, inputs: readonly Elements[]): Elements[] {
  const program = readProgram(bytes);
  const buffers = placeTensors(program, inputs);
  for (const operator of program.operators) runOperator(program, operator, buffers);
  return program.outputs.map((tensor) => (buffers[tensor] as Elements).slice());
}

/** The arena is shared as the plan says, and full of rubbish at first: both may show. */
function placeTensors(program: FlatProgram, inputs: readonly Elements[]): Elements[] {
  const arena = new Uint8Array(program.arenaBytes).fill(0xab);
  const prepared = new Uint8Array(program.preparedBytes).fill(0xab);
  const places = [arena, program.constants, arena, prepared];
  return program.tensors.map(({ dtype, elements, place, offset }, index) => {
    if (place === 1) return inputs[index] as Elements;
    const { buffer } = places[place - 1] as Uint8Array<ArrayBuffer>;
    return elementsOver(dtype, buffer, offset, elements);
  });
}

function elementsOver(
  dtype: DType,
  buffer: ArrayBuffer,
  offset: number,
  elements: number,
): Elements {
  const Type = elementsTypes.get(dtype);
  if (Type === undefined) throw new Error(`no elements of type ${dtype}`);
  if (offset % elementBytes(dtype) !== 0) throw new Error(`offset ${offset} of ${dtype}`);
  return new Type(buffer, offset, elements);
}

function runOperator(
  { tensors }: FlatProgram,
  { opcode, reads, writes, words }: ProgramOperator,
  buffers: readonly Elements[],
): void {
  const kernel = kernels.get(opcode);
  if (kernel === undefined) throw new Error(`the second machine has no operator ${opcode}`);
  const of = (tensor: number) => buffers[tensor] as Elements;
  const types = [...reads, ...writes].map((tensor) => tensors[tensor]?.dtype as DType);
  kernel(words, reads.map(of), writes.map(of), types);
}
