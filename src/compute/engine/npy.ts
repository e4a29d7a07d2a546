/**
 * NumPy's .npy format, version 1.0. The header is padded so that elements start at a multiple of 64:
 * native code writes its results right into the bytes that become the file.
 */
import type { TensorPort } from "../tensor/compile.js";
import { allocate, portBytes } from "./tensor.js";

const alignment = 64;
const preambleBytes = 10;

export interface NpyFile {
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The elements within it. */
  readonly elements: Uint8Array<ArrayBuffer>;
}

export function npyFile(port: Pick<TensorPort, "dtype" | "shape">): NpyFile {
  const descr = port.dtype === "float32" ? "<f4" : "<i8";
  const shape = port.shape.length === 1 ? `${port.shape[0]},` : port.shape.join(", ");
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  // The newline ends the header and counts as part of it.
  const used = preambleBytes + dictionary.length + 1;
  const headerBytes = Math.ceil(used / alignment) * alignment;
  const bytes = new Uint8Array(allocate(headerBytes + portBytes({ ...port, name: "" })));
  const text = `${dictionary}${" ".repeat(headerBytes - used)}\n`;
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY, version 1.0
  new DataView(bytes.buffer).setUint16(8, headerBytes - preambleBytes, true);
  bytes.set(new TextEncoder().encode(text), preambleBytes);
  return { bytes, elements: bytes.subarray(headerBytes) };
}
