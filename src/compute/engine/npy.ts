/**
 * NumPy's .npy format. Files are written in version 1.0, padded so that elements start at a multiple of
 * 64; they are read in versions 1 to 3, in row-major order and little-endian, and all else is refused
 * by name.
 */
import { QuipuError } from "../../base/errors.js";
import { allocate } from "../native/memory.js";
import type { TensorPort } from "../tensor/compile.js";
import { type DType, elementCount } from "../tensor/dtype.js";
import { invalidFile } from "./data-file.js";
import { portBytes, type TensorPlace } from "./tensor.js";

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

/** Enough to know how long the header is. */
export const npyStartBytes = 12;
const magic = "\x93NUMPY";
const headerBytesMax = 65_536;

/** Length of all that comes before the elements. */
export function npyHeaderBytes(start: Uint8Array, file: string): number {
  const view = Buffer.from(start);
  if (view.length < npyStartBytes || view.toString("latin1", 0, magic.length) !== magic) {
    throw invalidFile(file, "is no .npy file");
  }
  const [major = 0, minor] = view.subarray(magic.length);
  if (major < 1 || major > 3) {
    const next = "save it with a current NumPy";
    throw invalidFile(file, `is a .npy file of version ${major}.${minor}; 1 to 3 are read`, next);
  }
  const bytes = major === 1 ? preambleBytes + view.readUInt16LE(8) : 12 + view.readUInt32LE(8);
  if (bytes <= headerBytesMax) return bytes;
  throw invalidFile(file, `has a header of ${bytes} bytes; at most ${headerBytesMax} are read`);
}

const dtypes: ReadonlyMap<string, DType> = new Map(
  Object.entries(descriptions).map(([dtype, descr]) => [descr, dtype as DType]),
);
/** A field of the header, which is the text of a Python dictionary. */
const field = /\s*'(\w+)'\s*:\s*('[^'\\]*'|True|False|\([\d\s,]*\))\s*(?:,|(?=\}))/y;

/** `header` ends where the elements begin. */
export function npyPlace(header: Uint8Array, file: string): TensorPlace {
  const textAt = header[magic.length] === 1 ? preambleBytes : npyStartBytes;
  const text = Buffer.from(header.subarray(textAt)).toString("latin1").trim();
  const fields = new Map<string, string>();
  field.lastIndex = 1;
  for (let found = field.exec(text); found !== null; found = field.exec(text)) {
    const [all, name = "", value = ""] = found;
    fields.set(name, value);
    field.lastIndex = found.index + all.length;
    if (/^\s*\}$/.test(text.slice(field.lastIndex))) break;
  }
  const [descr, order, sizes] = ["descr", "fortran_order", "shape"].map((name) => fields.get(name));
  const isPlain = text.startsWith("{") && fields.size === 3;
  if (!isPlain || descr === undefined || order === undefined || sizes === undefined) {
    throw invalidFile(
      file,
      "does not hold a plain array of numbers",
      "save one array with numpy.save",
    );
  }
  const dtype = dtypes.get(descr.slice(1, -1));
  if (dtype === undefined) {
    const next = "convert it first, for example with array.astype('<f4')";
    const known = [...dtypes.keys()].join(", ");
    throw invalidFile(file, `holds elements of type ${descr}; ${known} are read`, next);
  }
  if (order !== "False") {
    const next = "save numpy.ascontiguousarray(array)";
    throw invalidFile(file, "is in Fortran order; row-major files are read", next);
  }
  const parts = sizes.slice(1, -1).split(",");
  if (parts.at(-1)?.trim() === "") parts.pop();
  const shape = parts.map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (elementCount(shape, dtype) === undefined) {
    throw invalidFile(file, `has the impossible shape ${sizes.slice(0, 80)}`);
  }
  return { dtype, shape, offset: header.length };
}
