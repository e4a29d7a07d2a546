/** Elements of small tensors as JavaScript values, for what is computed while a model is compiled. */
import { QuipuError } from "../../../base/errors.js";
import { type DType, elementBytes } from "../dtype.js";

/** binary32 as numbers, everything else as integers. */
export type Element = number | bigint;

function unreadable(dtype: DType): QuipuError {
  return new QuipuError("INTERNAL", `elements of ${dtype} are not read while compiling`);
}

export function readElements(bytes: Uint8Array, dtype: DType): Element[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = elementBytes(dtype);
  const read = (at: number): Element => {
    switch (dtype) {
      case "float32":
        return view.getFloat32(at, true);
      case "int64":
        return view.getBigInt64(at, true);
      case "int32":
        return BigInt(view.getInt32(at, true));
      case "uint8":
      case "bool":
        return BigInt(view.getUint8(at));
      case "int8":
        return BigInt(view.getInt8(at));
      default:
        throw unreadable(dtype);
    }
  };
  return Array.from({ length: bytes.length / size }, (_, index) => read(index * size));
}

export function writeElements(elements: readonly Element[], dtype: DType): Uint8Array {
  const size = elementBytes(dtype);
  const bytes = new Uint8Array(elements.length * size);
  const view = new DataView(bytes.buffer);
  for (const [index, element] of elements.entries()) {
    const at = index * size;
    switch (dtype) {
      case "float32":
        view.setFloat32(at, Number(element), true);
        break;
      case "int64":
        view.setBigInt64(at, BigInt(element), true);
        break;
      case "int32":
        view.setInt32(at, Number(element), true);
        break;
      case "uint8":
      case "int8":
      case "bool":
        view.setUint8(at, Number(element) & 0xff);
        break;
      default:
        throw unreadable(dtype);
    }
  }
  return bytes;
}

export function isReadable(dtype: DType): boolean {
  return dtype !== "float16" && dtype !== "bfloat16";
}
