/**
 * NumPy's .npy format, version 1.0. The header is padded so that elements start at a multiple of 64:
 * native code writes its results right into the bytes that become the file.
 */
import { QuipuError } from "../../base/errors.js";
import type { TensorPort } from "../tensor/compile.js";
import type { DType } from "../tensor/dtype.js";
import { allocate, portBytes } from "./tensor.js";

const alignment = 64;
const preambleBytes = 10;

export interface NpyFile {
  /** The whole file, which is the whole of its buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the elements begin. */
  readonly offset: number;
}

const descriptions: Readonly<Partial<Record<DType, string>>> = {
  float32: "<f4",
  int64: "<i8",
  int32: "<i4",
  int8: "|i1",
  uint8: "|u1",
  bool: "|b1",
  float16: "<f2",
};

export function npyFile(port: Pick<TensorPort, "dtype" | "shape">): NpyFile {
  const descr = descriptions[port.dtype];
  if (descr === undefined) {
    throw new QuipuError("MODEL_UNSUPPORTED", `a .npy file cannot hold ${port.dtype}`, {
      next: "cast the model's outputs to float32",
    });
  }
  const shape = port.shape.length === 1 ? `${port.shape[0]},` : port.shape.join(", ");
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  // The newline ends the header and counts as part of it.
  const used = preambleBytes + dictionary.length + 1;
  const headerBytes = Math.ceil(used / alignment) * alignment;
  const bytes = new Uint8Array(allocate(headerBytes + portBytes(port)));
  const text = `${dictionary}${" ".repeat(headerBytes - used)}\n`;
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY, version 1.0
  new DataView(bytes.buffer).setUint16(8, headerBytes - preambleBytes, true);
  bytes.set(new TextEncoder().encode(text), preambleBytes);
  return { bytes, offset: headerBytes };
}
