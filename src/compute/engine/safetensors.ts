/**
 * The safetensors format: eight bytes with the length of a JSON header, the header, and the tensors'
 * elements, little-endian, one behind the other. Files of strangers are read strictly: every byte
 * belongs to exactly one tensor, and no key stands twice.
 */
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import { allocate } from "../native/memory.js";
import type { TensorPort } from "../tensor/compile.js";
import { type DType, elementBytes, sizeOf } from "../tensor/dtype.js";
import { invalidFile } from "./data-file.js";
import { portBytes, type TensorPlace } from "./tensor.js";

export const safetensorsLimits = Object.freeze({
  /** What the format's first implementation reads. */
  headerBytesMax: 100_000_000,
});

/** The header's length stands before it. */
export const lengthBytes = 8;
const alignment = 64;
const metadataName = "__metadata__";

const names: Readonly<Record<DType, string>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const dtypes: ReadonlyMap<string, DType> = new Map(
  Object.entries(names).map(([dtype, name]) => [name, dtype as DType]),
);

/** Of the types that a file may hold beside others, though nobody here computes with them. */
const foreignBytes: ReadonlyMap<string, number> = new Map([
  ["F8_E5M2", 1],
  ["F8_E4M3", 1],
  ["F8_E8M0", 1],
  ["I16", 2],
  ["U16", 2],
  ["U32", 4],
  ["U64", 8],
  ["F64", 8],
  ["C64", 8],
]);

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** From the first byte of the data. */
  readonly begin: number;
  readonly end: number;
}

/** What a file of `fileBytes` holds, by its first bytes; `file` is its name in messages. */
export class SafetensorsHeader {
  readonly #file: string;
  readonly #dataAt: number;
  readonly #entries: ReadonlyMap<string, Entry>;

  /** `header` is the JSON text behind the length. */
  constructor(header: Uint8Array, fileBytes: number, file: string) {
    if (header[0] !== 0x7b) throw broken(file, "its header does not begin with {");
    const what = `header of ${file}`;
    const { headerBytesMax } = safetensorsLimits;
    const parsed = parseStrictJson(header, what, headerBytesMax, "DATA_INVALID");
    const entries = Object.entries(parsed as object).flatMap(([name, value]) => {
      if (name !== metadataName) return [readEntry(name, value, file)];
      if (isObject(value) && Object.values(value).every((text) => typeof text === "string"))
        return [];
      throw broken(file, `its ${metadataName} is no list of texts`);
    });
    this.#file = file;
    this.#dataAt = lengthBytes + header.length;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    checkPlaces(entries, fileBytes - this.#dataAt, file);
  }

  /** DATA_INVALID where there is no such tensor, or one of a type that is not computed with. */
  place(name: string): TensorPlace {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const known = [...this.#entries.keys()].slice(0, 20).join(", ");
      throw invalidFile(this.#file, `has no tensor ${name}`, `it has ${known || "none"}`);
    }
    const dtype = dtypes.get(entry.type);
    if (dtype !== undefined) {
      return { dtype, shape: entry.shape, offset: this.#dataAt + entry.begin };
    }
    const why = `holds ${name} as ${entry.type}, which is not computed with`;
    throw invalidFile(this.#file, why, `save it as one of ${[...dtypes.keys()].join(", ")}`);
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }
}

/** Length of the header that follows the first eight bytes. */
export function headerLength(start: Uint8Array, fileBytes: number, file: string): number {
  if (start.length < lengthBytes) throw broken(file, "it is shorter than any");
  const length = Buffer.from(start).readBigUInt64LE();
  if (length > BigInt(safetensorsLimits.headerBytesMax)) {
    throw broken(file, `its header would have ${length} bytes`);
  }
  if (lengthBytes + Number(length) > fileBytes) throw broken(file, "it ends within its header");
  return Number(length);
}

function readEntry(name: string, value: unknown, file: string): Entry {
  const quoted = JSON.stringify(name);
  if (!isObject(value) || Object.keys(value).sort().join() !== "data_offsets,dtype,shape") {
    throw broken(file, `tensor ${quoted} needs dtype, shape and data_offsets, and no more`);
  }
  const { dtype: type, shape, data_offsets: offsets } = value;
  if (typeof type !== "string") throw broken(file, `tensor ${quoted} has no type`);
  if (!isSizes(shape)) throw broken(file, `tensor ${quoted} has no shape`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw broken(file, `tensor ${quoted} does not say where it begins and ends`);
  }
  const [begin, end] = offsets as [number, number];
  const dtype = dtypes.get(type);
  const size = dtype === undefined ? foreignBytes.get(type) : elementBytes(dtype);
  if (size === undefined) throw broken(file, `tensor ${quoted} has the unknown type ${type}`);
  const wanted = sizeOf(shape) * size;
  if (!Number.isSafeInteger(wanted) || end - begin !== wanted) {
    const has = `${end - begin} bytes for ${type} [${shape.join(", ")}]`;
    throw broken(file, `tensor ${quoted} has ${has}`);
  }
  return { name, type, shape, begin, end };
}

/** One behind the other, from the first byte of the data to the last. */
function checkPlaces(entries: readonly Entry[], dataBytes: number, file: string): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== at) {
      const what = begin < at ? "overlaps another" : "leaves a hole before it";
      throw broken(file, `tensor ${JSON.stringify(name)} ${what}`);
    }
    at = end;
  }
  if (at !== dataBytes)
    throw broken(file, `its tensors have ${at} bytes and it holds ${dataBytes}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function broken(file: string, why: string): QuipuError {
  return invalidFile(file, `is no sound .safetensors file: ${why}`, "save it again");
}

export interface SafetensorsFile {
  /** The whole file, which is the whole of its buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each tensor's elements begin. */
  readonly offsets: ReadonlyMap<string, number>;
}

/**
 * A file for these tensors, whose elements are still zeros. The same tensors give the same bytes:
 * larger elements first, then by name; the header is padded so that elements start at a multiple of
 * 64, and so each at a multiple of its own size.
 */
export function safetensorsFile(
  ports: readonly Pick<TensorPort, "name" | "dtype" | "shape">[],
): SafetensorsFile {
  const ordered = ports
    .map((port) => ({ port, key: Buffer.from(port.name) }))
    .sort(
      (a, b) =>
        elementBytes(b.port.dtype) - elementBytes(a.port.dtype) || Buffer.compare(a.key, b.key),
    );
  let end = 0;
  const begins = ordered.map(({ port }) => {
    if (port.name === metadataName) {
      throw new QuipuError("MODEL_UNSUPPORTED", `no tensor can be named ${metadataName}`, {
        next: "give the model's output another name",
      });
    }
    const begin = end;
    end += portBytes(port);
    return begin;
  });
  const members = ordered.map(({ port }, index) => {
    const begin = begins[index] as number;
    const facts = { dtype: names[port.dtype], shape: port.shape };
    const offsets = { data_offsets: [begin, begin + portBytes(port)] };
    return `${JSON.stringify(port.name)}:${JSON.stringify({ ...facts, ...offsets })}`;
  });
  const text = Buffer.from(`{${members.join(",")}}`);
  const dataAt = Math.ceil((lengthBytes + text.length) / alignment) * alignment;
  const bytes = new Uint8Array(allocate(dataAt + end));
  bytes.fill(0x20, lengthBytes, dataAt);
  bytes.set(text, lengthBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataAt - lengthBytes), true);
  const places = ordered.map(
    ({ port }, index) => [port.name, dataAt + (begins[index] as number)] as const,
  );
  return { bytes, offsets: new Map(places) };
}
