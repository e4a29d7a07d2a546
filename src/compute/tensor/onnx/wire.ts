/**
 * Reader of the protobuf wire format, for the few public messages that an ONNX file consists of.
 * Every length is checked against what is left before it is used.
 */
import { QuipuError } from "../../../base/errors.js";

export function malformed(what: string): QuipuError {
  return new QuipuError("MODEL_INVALID", `not a readable ONNX model: ${what}`, {
    next: "export the model again, or check that the file was copied whole",
  });
}

/** What a field holds, by its wire type. */
export type WireValue =
  | { readonly kind: "varint"; readonly value: bigint }
  | { readonly kind: "fixed32"; readonly bytes: Uint8Array }
  | { readonly kind: "fixed64"; readonly bytes: Uint8Array }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface WireField {
  readonly number: number;
  readonly value: WireValue;
}

interface Cursor {
  at: number;
}

/**
 * What one file may still make of objects: a field of two bytes becomes one of a hundred, so a bound
 * on the file alone would not bound the memory.
 */
export interface Allowance {
  fields: number;
}

function spend(allowance: Allowance): void {
  allowance.fields -= 1;
  if (allowance.fields >= 0) return;
  throw new QuipuError("LIMIT_EXCEEDED", "the model has more fields than are read", {
    next: "save its tensors as raw data",
  });
}

/** The fields of one message in the order of the file. */
export function* readFields(bytes: Uint8Array, allowance: Allowance): Generator<WireField> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    spend(allowance);
    const tag = readNumber(bytes, cursor);
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > 0xffff_ffff) throw malformed(`field number ${number}`);
    yield { number, value: readValue(bytes, cursor, tag % 8) };
  }
}

function readValue(bytes: Uint8Array, cursor: Cursor, wireType: number): WireValue {
  switch (wireType) {
    case 0:
      return { kind: "varint", value: readVarint(bytes, cursor) };
    case 1:
      return { kind: "fixed64", bytes: take(bytes, cursor, 8) };
    case 2:
      return { kind: "bytes", bytes: take(bytes, cursor, readNumber(bytes, cursor)) };
    case 5:
      return { kind: "fixed32", bytes: take(bytes, cursor, 4) };
    default:
      throw malformed(`wire type ${wireType}`);
  }
}

function take(bytes: Uint8Array, cursor: Cursor, length: number): Uint8Array {
  if (length > bytes.length - cursor.at) throw malformed("it is cut short");
  const taken = bytes.subarray(cursor.at, cursor.at + length);
  cursor.at += length;
  return taken;
}

/** Tags and lengths: at most 56 bits and without BigInt, which is what most of a model consists of. */
function readNumber(bytes: Uint8Array, cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 56; scale *= 128) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw malformed("it is cut short");
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (byte >= 0x80) continue;
    if (value > Number.MAX_SAFE_INTEGER) break;
    return value;
  }
  throw malformed("a length that no file has");
}

function readVarint(bytes: Uint8Array, cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw malformed("it is cut short");
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw malformed("a number of more than ten bytes");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

export function wireText(value: WireValue): string {
  try {
    return utf8.decode(wireBytes(value));
  } catch {
    throw malformed("text that is not UTF-8");
  }
}

export function wireBytes(value: WireValue): Uint8Array {
  if (value.kind !== "bytes") throw malformed("a number where text or a message belongs");
  return value.bytes;
}

export function wireInteger(value: WireValue): bigint {
  if (value.kind !== "varint") throw malformed("no integer where one belongs");
  return BigInt.asIntN(64, value.value);
}

export function wireFloat(value: WireValue): number {
  if (value.kind !== "fixed32") throw malformed("no float where one belongs");
  return viewOf(value.bytes).getFloat32(0, true);
}

/** A repeated integer field is packed into one value or spread over several. */
export function wireIntegers(value: WireValue, allowance: Allowance): bigint[] {
  if (value.kind === "varint") return [wireInteger(value)];
  const bytes = wireBytes(value);
  const cursor = { at: 0 };
  const integers: bigint[] = [];
  while (cursor.at < bytes.length) {
    spend(allowance);
    integers.push(BigInt.asIntN(64, readVarint(bytes, cursor)));
  }
  return integers;
}

/** A repeated float field, likewise; binary32 bytes in file order. */
export function wireFloats(value: WireValue): Uint8Array {
  if (value.kind === "fixed32") return value.bytes;
  const bytes = wireBytes(value);
  if (bytes.length % 4 !== 0) throw malformed("floats that are cut short");
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
