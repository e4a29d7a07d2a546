/** A tensor in JavaScript: elements in row-major order. */
import { QuipuError } from "../../base/errors.js";
import { OwnedBytes } from "../native/hashing.js";
import type { TensorPort } from "../tensor/compile.js";
import { type DType, elementBytes, sizeOf, strayBool } from "../tensor/dtype.js";

export type { DType } from "../tensor/dtype.js";

type Place = [buffer: ArrayBuffer, offset: number, length: number];

const elementsAt = {
  float32: (...place: Place) => new Float32Array(...place),
  int64: (...place: Place) => new BigInt64Array(...place),
  int32: (...place: Place) => new Int32Array(...place),
  int8: (...place: Place) => new Int8Array(...place),
  uint8: (...place: Place) => new Uint8Array(...place),
  /** 0 or 1. */
  bool: (...place: Place) => new Uint8Array(...place),
  /** Bits, as DataView would read them. */
  float16: (...place: Place) => new Uint16Array(...place),
  bfloat16: (...place: Place) => new Uint16Array(...place),
} as const;

type Elements = { readonly [D in DType]: ReturnType<(typeof elementsAt)[D]> };

export type TensorOf<D extends DType> = {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: Elements[D];
};
export type Tensor = { [D in DType]: TensorOf<D> }[DType];

/** What is in a file, and where its elements begin. */
export interface TensorPlace {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** From the file's first byte. */
  readonly offset: number;
}

/** A tensor whose memory is handed over for a run, which then needs no copy of it. */
export interface OwnedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly owned: OwnedBytes;
}

export function tensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: Elements[D],
): TensorOf<D> {
  return { dtype, shape, data };
}

export function float32(shape: readonly number[], data: Float32Array<ArrayBuffer>): Tensor {
  return { dtype: "float32", shape, data };
}

export function int64(shape: readonly number[], data: BigInt64Array<ArrayBuffer>): Tensor {
  return { dtype: "int64", shape, data };
}

/** The very bytes of its elements; no copy. */
export function tensorBytes({ data }: Tensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function portBytes({ dtype, shape }: Pick<TensorPort, "dtype" | "shape">): number {
  return sizeOf(shape) * elementBytes(dtype);
}

/** A tensor over memory of exactly the right size, aligned to its elements; no copy. */
export function tensorOver(
  { dtype, shape }: Pick<TensorPort, "dtype" | "shape">,
  bytes: Uint8Array<ArrayBuffer>,
): Tensor {
  const length = bytes.length / elementBytes(dtype);
  const data = elementsAt[dtype](bytes.buffer, bytes.byteOffset, length);
  return { dtype, shape, data } as Tensor;
}

/** Refuses a tensor that is not what `port` asks for, by name. */
export function checkTensor<T extends Tensor | OwnedTensor>(
  port: TensorPort,
  given: T | undefined,
): T {
  const wanted = `${port.dtype} [${port.shape.join(", ")}]`;
  if (given === undefined) {
    throw new QuipuError("SHAPE_MISMATCH", `input ${port.name} is missing; it is ${wanted}`, {
      next: `give ${port.name}`,
    });
  }
  const bytes = "owned" in given ? given.owned.length : given.data.byteLength;
  const same =
    given.dtype === port.dtype &&
    given.shape.length === port.shape.length &&
    given.shape.every((size, axis) => size === port.shape[axis]);
  if (!same || bytes !== portBytes(port)) {
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `input ${port.name} is ${given.dtype} [${given.shape.join(", ")}] of ` +
        `${bytes / elementBytes(given.dtype)} elements; this session was compiled for ${wanted}`,
      { next: "compile a session for these shapes" },
    );
  }
  return given;
}

/** Memory that nobody else has. */
export function ownTensor(given: Tensor | OwnedTensor): OwnedBytes {
  return "owned" in given ? given.owned : OwnedBytes.copyOf(tensorBytes(given));
}

/** No bits are promised for other truth values than 0 and 1. */
export function checkBools(
  { name, dtype }: Pick<TensorPort, "name" | "dtype">,
  bytes: Uint8Array,
): void {
  const at = strayBool(dtype, bytes);
  if (at < 0) return;
  throw new QuipuError(
    "DATA_INVALID",
    `input ${name} has ${bytes[at]} where a bool is 0 or 1, at element ${at}`,
    { next: "give 1 for true" },
  );
}
