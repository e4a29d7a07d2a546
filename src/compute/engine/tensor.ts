/** A tensor in JavaScript: elements in row-major order, in memory that the addon can be lent. */
import { QuipuError } from "../../base/errors.js";
import type { TensorPort } from "../tensor/compile.js";

export type Tensor =
  | {
      readonly dtype: "float32";
      readonly shape: readonly number[];
      readonly data: Float32Array<ArrayBuffer>;
    }
  | {
      readonly dtype: "int64";
      readonly shape: readonly number[];
      readonly data: BigInt64Array<ArrayBuffer>;
    };

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

export function portBytes({ dtype, shape }: TensorPort): number {
  return shape.reduce((product, size) => product * size, dtype === "float32" ? 4 : 8);
}

/** Fresh memory; LIMIT_EXCEEDED where this machine, or JavaScript itself, has none of that size. */
export function allocate(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    throw new QuipuError("LIMIT_EXCEEDED", `this host cannot give ${bytes} bytes of memory`, {
      next: "use a smaller batch or a larger host",
      cause,
    });
  }
}

/** A tensor over memory of exactly the right size, aligned to its elements; no copy. */
export function tensorOver(port: TensorPort, bytes: Uint8Array<ArrayBuffer>): Tensor {
  const { dtype, shape } = port;
  if (dtype === "float32") {
    return {
      dtype,
      shape,
      data: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
    };
  }
  return {
    dtype,
    shape,
    data: new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8),
  };
}

/** Refuses a tensor that is not what `port` asks for, by name. */
export function checkTensor(port: TensorPort, tensor: Tensor | undefined): Tensor {
  const wanted = `${port.dtype} [${port.shape.join(", ")}]`;
  if (tensor === undefined) {
    throw new QuipuError("SHAPE_MISMATCH", `input ${port.name} is missing; it is ${wanted}`);
  }
  const same =
    tensor.dtype === port.dtype &&
    tensor.shape.length === port.shape.length &&
    tensor.shape.every((size, axis) => size === port.shape[axis]);
  if (!same || tensor.data.byteLength !== portBytes(port)) {
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `input ${port.name} is ${tensor.dtype} [${tensor.shape.join(", ")}] of ` +
        `${tensor.data.length} elements; this session was compiled for ${wanted}`,
      { next: "compile a session for these shapes" },
    );
  }
  return tensor;
}
