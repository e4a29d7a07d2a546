/**
 * Messages to bytes and back, with the size limit on both ways. Done here and not inside grpc-js, so
 * that an oversized or malformed message has a code that says whose fault it is.
 */
import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type ErrorCode, QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { AnyMessage } from "./service.js";

export function encode(desc: DescMessage, init: AnyMessage): Buffer {
  const bytes = toBinary(desc, create(desc, init));
  if (bytes.length > limits.messageBytesMax) {
    const text = `${desc.typeName} of ${bytes.length} bytes is over ${limits.messageBytesMax}`;
    throw new QuipuError("LIMIT_EXCEEDED", `a message cannot be sent: ${text}`, {
      next: "send fewer or smaller items in one message; bulk bytes go as artifacts",
      details: { sizeBytes: bytes.length, messageBytesMax: limits.messageBytesMax },
    });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `fault` is the code for bytes that are no such message. */
export function decode(desc: DescMessage, bytes: Uint8Array, fault: ErrorCode): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (cause) {
    const text = `${bytes.length} bytes from the peer are not a ${desc.typeName}`;
    throw new QuipuError(fault, text, {
      next: "check that both sides run the same version of quipu",
      cause,
    });
  }
}

/** grpc-js is handed bytes and hands out bytes. */
export const identity = (bytes: Buffer): Buffer => bytes;
