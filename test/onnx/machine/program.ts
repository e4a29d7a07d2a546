/** Reads a flat program, version 2 (native/program/format.h), without believing its writer. */
import { type DType, dtypeOf, elementBytes } from "../../../src/compute/tensor/dtype.js";

export interface ProgramTensor {
  readonly dtype: DType;
  readonly elements: number;
  /** 1 input, 2 constant, 3 arena, 4 prepared. */
  readonly place: number;
  readonly offset: number;
}

export interface ProgramOperator {
  readonly opcode: number;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** What follows the operands. */
  readonly words: readonly bigint[];
}

export interface FlatProgram {
  readonly tensors: readonly ProgramTensor[];
  readonly operators: readonly ProgramOperator[];
  readonly inputCount: number;
  readonly outputs: readonly number[];
  readonly constants: Uint8Array<ArrayBuffer>;
  readonly arenaBytes: number;
  readonly preparedBytes: number;
}

const headerBytes = 128;
const recordBytes = 24;

export function readProgram(bytes: Uint8Array): FlatProgram {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  check(u32(0) === 0x47525051 && u32(4) === 2 && u64(64) === bytes.length, "its head");
  const [tensorCount, operatorCount, inputCount, outputCount] = [12, 16, 20, 24].map(u32) as [
    number,
    number,
    number,
    number,
  ];
  const operatorsAt = headerBytes + tensorCount * recordBytes;
  const wordsAt = operatorsAt + operatorCount * recordBytes;
  const outputsAt = wordsAt + u64(56) * 8;
  const tensors = Array.from({ length: tensorCount }, (_, index): ProgramTensor => {
    const at = headerBytes + index * recordBytes;
    const dtype = dtypeOf(u32(at));
    if (dtype === undefined) throw new Error(`tensor ${index} has no element type`);
    return { dtype, place: u32(at + 4), elements: u64(at + 8), offset: u64(at + 16) };
  });
  const operators = Array.from({ length: operatorCount }, (_, index): ProgramOperator => {
    const at = operatorsAt + index * recordBytes;
    const [opcode, reads, writes, count] = [0, 4, 8, 12].map((field) => u32(at + field)) as [
      number,
      number,
      number,
      number,
    ];
    const first = wordsAt + u64(at + 16) * 8;
    const words = Array.from({ length: count }, (_, word) =>
      view.getBigInt64(first + word * 8, true),
    );
    const operands = words.slice(0, reads + writes).map(Number);
    check(
      operands.every((tensor) => tensor >= 0 && tensor < tensorCount),
      `operands of operator ${index}`,
    );
    return {
      opcode,
      reads: operands.slice(0, reads),
      writes: operands.slice(reads),
      words: words.slice(reads + writes),
    };
  });
  const constantBytes = u64(32);
  const program = {
    tensors,
    operators,
    inputCount,
    outputs: Array.from({ length: outputCount }, (_, index) => u32(outputsAt + index * 4)),
    constants: Uint8Array.from(bytes.subarray(bytes.length - constantBytes)),
    arenaBytes: u64(40),
    preparedBytes: u64(48),
  };
  for (const [index, tensor] of tensors.entries()) checkPlace(program, index, tensor);
  return program;
}

function checkPlace(program: FlatProgram, index: number, tensor: ProgramTensor): void {
  const { place, offset, elements, dtype } = tensor;
  const room = [0, program.constants.length, program.arenaBytes, program.preparedBytes][place - 1];
  check(room !== undefined && (place === 1) === index < program.inputCount, `place ${index}`);
  const end = offset + elements * elementBytes(dtype);
  check(place === 1 || (offset % 64 === 0 && end <= (room as number)), `bounds of tensor ${index}`);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the program is wrong: ${what}`);
}
