/**
 * The flat program, version 2: the bytes that native/program/decode.cc reads and checks again.
 * Frozen; native/program/format.h is the same table in the other language.
 */
import { QuipuError } from "../../../base/errors.js";
import { type BufferFacts, opcodes } from "../canonical/value.js";
import { dtypeNumbers } from "../dtype.js";
import { type Plan, placementBytes, planLasting } from "./plan.js";
import type { Sections } from "./sections.js";
import { wordsOf } from "./words.js";

const magic = 0x47525051; // "QPRG"
const programVersion = 2;
const arithmeticVersion = 1; // canonical-1
const headerBytes = 128;
const tensorRecordBytes = 24;
const operatorRecordBytes = 24;
const places = Object.freeze({ input: 1, constant: 2, arena: 3, prepared: 4 });

export const programLimits = Object.freeze({
  tensorsMax: 65_536,
  operatorsMax: 32_768,
  outputsMax: 1_024,
  wordsMax: 1_048_576,
});

export interface Parts extends Sections {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly buffers: readonly BufferFacts[];
  readonly arena: Plan;
  readonly prepared: Plan;
  /** No operator begins before the one in front of it has ended. */
  readonly oneByOne?: boolean;
}

export function encodeProgram(parts: Parts): Uint8Array {
  const { inputs, outputs, buffers, arena, prepared, prelude, body } = parts;
  const operators = [...prelude, ...body];
  const tensors = tensorsOf(parts);
  const numbers = new Map(tensors.map((buffer, number) => [buffer, number]));
  const isInput = new Set(inputs);
  const constants = planLasting(
    tensors.filter((buffer) => !isInput.has(buffer) && buffers[buffer]?.bytes !== undefined),
    buffers,
  );
  const words = operators.map((operator) => [
    ...[...operator.reads, ...operator.writes].map((buffer) => numbers.get(buffer) as number),
    ...wordsOf(operator),
  ]);
  const wordCount = words.reduce((sum, of) => sum + of.length, 0);
  checkLimits(tensors.length, operators.length, outputs.length, wordCount);
  const operatorsAt = headerBytes + tensors.length * tensorRecordBytes;
  const wordsAt = operatorsAt + operators.length * operatorRecordBytes;
  const outputsAt = wordsAt + wordCount * 8;
  const recordsEnd = outputsAt + outputs.length * 4;
  const constantsAt = Math.ceil(recordsEnd / placementBytes) * placementBytes;
  const bytes = new Uint8Array(constantsAt + constants.bytes);
  const view = new DataView(bytes.buffer);
  const counts = [tensors.length, operators.length, inputs.length, outputs.length, prelude.length];
  for (const [field, value] of [magic, programVersion, arithmeticVersion, ...counts].entries()) {
    view.setUint32(field * 4, value, true);
  }
  const sizes = [constants.bytes, arena.bytes, prepared.bytes, wordCount, bytes.length];
  for (const [field, value] of sizes.entries()) setSize(view, 32 + field * 8, value);
  view.setUint32(72, parts.oneByOne ? 1 : 0, true);
  for (const [number, buffer] of tensors.entries()) {
    const { dtype, elements } = buffers[buffer] as BufferFacts;
    const at = headerBytes + number * tensorRecordBytes;
    const [place, offset] = placeOf(buffer, isInput, { constants, arena, prepared });
    view.setUint32(at, dtypeNumbers[dtype], true);
    view.setUint32(at + 4, places[place], true);
    setSize(view, at + 8, elements);
    setSize(view, at + 16, offset);
  }
  let word = 0;
  for (const [index, operator] of operators.entries()) {
    const at = operatorsAt + index * operatorRecordBytes;
    const mine = words[index] as (number | bigint)[];
    const { opcode, reads, writes } = operator;
    for (const [field, value] of [opcodes[opcode], reads.length, writes.length].entries()) {
      view.setUint32(at + field * 4, value, true);
    }
    view.setUint32(at + 12, mine.length, true);
    setSize(view, at + 16, word);
    for (const value of mine) {
      view.setBigUint64(wordsAt + word * 8, BigInt.asUintN(64, BigInt(value)), true);
      word += 1;
    }
  }
  for (const [index, buffer] of outputs.entries()) {
    view.setUint32(outputsAt + index * 4, numbers.get(buffer) as number, true);
  }
  for (const [buffer, offset] of constants.offsets) {
    bytes.set(buffers[buffer]?.bytes ?? [], constantsAt + offset);
  }
  return bytes;
}

function checkLimits(tensors: number, operators: number, outputs: number, words: number): void {
  const { tensorsMax, operatorsMax, outputsMax, wordsMax } = programLimits;
  if (tensors <= tensorsMax && operators <= operatorsMax && words <= wordsMax) {
    if (outputs <= outputsMax) return;
  }
  throw new QuipuError(
    "LIMIT_EXCEEDED",
    `the model becomes ${tensors} tensors, ${operators} operators of ${words} words and ` +
      `${outputs} outputs; at most ${tensorsMax}, ${operatorsMax}, ${wordsMax} and ` +
      `${outputsMax} are compiled`,
    { next: "divide the model, or use shorter sequences" },
  );
}

/** Inputs first, in order; then what an operator or an output names. */
function tensorsOf({ inputs, outputs, prelude, body }: Parts): number[] {
  const all = new Set(inputs);
  for (const { reads, writes } of [...prelude, ...body]) {
    for (const buffer of reads) all.add(buffer);
    for (const buffer of writes) all.add(buffer);
  }
  for (const buffer of outputs) all.add(buffer);
  return [...all];
}

function placeOf(
  buffer: number,
  inputs: ReadonlySet<number>,
  plans: Readonly<Record<"constants" | "arena" | "prepared", Plan>>,
): [keyof typeof places, number] {
  if (inputs.has(buffer)) return ["input", 0];
  const constant = plans.constants.offsets.get(buffer);
  if (constant !== undefined) return ["constant", constant];
  const prepared = plans.prepared.offsets.get(buffer);
  if (prepared !== undefined) return ["prepared", prepared];
  const arena = plans.arena.offsets.get(buffer);
  if (arena === undefined) throw new QuipuError("INTERNAL", `buffer ${buffer} has no place`);
  return ["arena", arena];
}

function setSize(view: DataView, at: number, value: number): void {
  view.setBigUint64(at, BigInt(value), true);
}
