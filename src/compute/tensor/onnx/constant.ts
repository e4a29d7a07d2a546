/** The value of a tensor that lies in the model, or in a file beside it. */
import { QuipuError } from "../../../base/errors.js";
import {
  type DType,
  dtypeNumbers,
  dtypeOf,
  elementBytes,
  elementCount,
  strayBool,
  tensorLimits,
} from "../dtype.js";
import type { Constant } from "./graph.js";
import type { OnnxTensor } from "./message.js";
import { malformed } from "./wire.js";

/** Bytes of a file beside the model, by the name that the model gives; refuses all others. */
export type ReadExternal = (location: string, offset: number, length: number) => Uint8Array;

export function readType(number: number, name: string): DType {
  const dtype = dtypeOf(number);
  if (dtype !== undefined) return dtype;
  const known = Object.entries(dtypeNumbers).map(([type, which]) => `${type} (${which})`);
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `tensor ${name} has element type ${number}; ${known.join(", ")} can be compiled`,
    { next: "convert the model to one of these types" },
  );
}

export function readConstant(tensor: OnnxTensor, readExternal?: ReadExternal): Constant {
  const dtype = readType(tensor.dataType, tensor.name);
  const shape = tensor.dims.map((dim) => Number(dim));
  const elements = elementCount(shape, dtype);
  if (elements === undefined || shape.length > tensorLimits.axesMax) {
    throw malformed(
      `tensor ${tensor.name} has the impossible shape [${tensor.dims.slice(0, 9).join(", ")}]`,
    );
  }
  const length = elements * elementBytes(dtype);
  const bytes =
    tensor.external === undefined
      ? bytesWithin(tensor, dtype)
      : bytesBeside(tensor.name, tensor.external, length, readExternal);
  if (bytes.length !== length) {
    throw malformed(`tensor ${tensor.name} has ${bytes.length} bytes for ${elements} elements`);
  }
  const stray = strayBool(dtype, bytes);
  if (stray >= 0)
    throw malformed(`tensor ${tensor.name} has ${bytes[stray]} where a bool is 0 or 1`);
  return { dtype, shape, bytes };
}

function bytesWithin(tensor: OnnxTensor, dtype: DType): Uint8Array {
  const raw = tensor.raw[0];
  if (raw !== undefined) return raw;
  if (dtype === "float32") return Buffer.concat(tensor.floats);
  if (dtype === "int64") return new Uint8Array(new BigInt64Array(tensor.int64s).buffer);
  // All narrower types lie in int32_data, one element an integer.
  const size = elementBytes(dtype);
  const bytes = new Uint8Array(tensor.int32s.length * size);
  for (const [index, integer] of tensor.int32s.entries()) {
    let rest = integer;
    for (let at = 0; at < size; at += 1, rest >>= 8n) {
      bytes[index * size + at] = Number(BigInt.asUintN(8, rest));
    }
  }
  return bytes;
}

function bytesBeside(
  name: string,
  entries: ReadonlyMap<string, string>,
  length: number,
  readExternal: ReadExternal | undefined,
): Uint8Array {
  const location = entries.get("location");
  const offset = Number(entries.get("offset") ?? "0");
  if (location === undefined || location === "" || !Number.isSafeInteger(offset) || offset < 0) {
    throw malformed(`tensor ${name} does not say where it lies`);
  }
  const given = entries.get("length");
  if (given !== undefined && Number(given) !== length) {
    throw malformed(`tensor ${name} has ${given} bytes outside the model and needs ${length}`);
  }
  if (readExternal === undefined) {
    throw new QuipuError(
      "MODEL_UNSUPPORTED",
      `tensor ${name} lies in ${location}, outside the model's bytes`,
      { next: "give the model's folder, or save the model as one file" },
    );
  }
  return readExternal(location, offset, length);
}
