/** Tensors of numbers that a seed gives, the same on every machine. */
import { float32Bits } from "../../base/float-bits.js";
import { seededRandom } from "../../base/random.js";
import { type DType, type Tensor, tensor } from "../../compute/engine/session.js";
import { sizeOf } from "../../compute/tensor/dtype.js";

/**
 * Floats are uniform in [-1, 1), 8-bit integers over all they can be. Wider integers are 0 or 1, and so
 * within the range of any index, mask or number of a token.
 */
export function randomTensor(dtype: DType, shape: readonly number[], seed: number): Tensor {
  const count = sizeOf(shape);
  const words = new DataView(seededRandom(seed).bytes(count * 4).buffer);
  const word = (_: unknown, index: number): number => words.getUint32(index * 4);
  const bit = (_: unknown, index: number): number => words.getUint32(index * 4) >>> 31;
  /** Of so many bits, in units of half their range. */
  const unit = (index: number, bits: number): number =>
    (words.getUint32(index * 4) >>> (32 - bits)) / 2 ** (bits - 1) - 1;
  switch (dtype) {
    case "float32":
      return tensor(
        dtype,
        shape,
        new Float32Array(count).map((_, index) => unit(index, 24)),
      );
    case "float16":
      return tensor(
        dtype,
        shape,
        new Uint16Array(count).map((_, at) => halfBits(unit(at, 11))),
      );
    case "bfloat16":
      return tensor(
        dtype,
        shape,
        new Uint16Array(count).map((_, at) => topBits(unit(at, 8))),
      );
    case "int64":
      return tensor(
        dtype,
        shape,
        new BigInt64Array(count).map((_, at) => BigInt(bit(_, at))),
      );
    case "int32":
      return tensor(dtype, shape, new Int32Array(count).map(bit));
    case "bool":
      return tensor(dtype, shape, new Uint8Array(count).map(bit));
    case "uint8":
      return tensor(dtype, shape, new Uint8Array(count).map(word));
    case "int8":
      return tensor(dtype, shape, new Int8Array(count).map(word));
  }
}

function topBits(value: number): number {
  return float32Bits(value) >>> 16;
}

/** Of a number that binary16 holds exactly, and is 0 or no subnormal there. */
function halfBits(value: number): number {
  const bits = float32Bits(value);
  const sign = (bits >>> 16) & 0x8000;
  return value === 0 ? sign : sign | (((bits & 0x7fffffff) >>> 13) - ((127 - 15) << 10));
}
