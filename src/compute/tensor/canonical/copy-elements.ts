/** Copies a strided view of elements into another, for what is moved while a model is compiled. */

/** Strides and beginnings count elements. */
export interface Views {
  readonly shape: readonly number[];
  readonly from: number;
  readonly fromStrides: readonly number[];
  readonly to: number;
  readonly toStrides: readonly number[];
}

type Units = Uint8Array | Uint16Array | Uint32Array;

export function copyElements(
  from: Uint8Array,
  to: Uint8Array,
  sizeBytes: number,
  views: Views,
): void {
  if (views.shape.includes(0)) return;
  // Eight bytes are two units: no number of JavaScript's holds all their patterns.
  const each = sizeBytes === 8 ? 2 : 1;
  const shape = each === 1 ? views.shape : [...views.shape, each];
  const strides = (all: readonly number[]) =>
    each === 1 ? all : [...all.map((stride) => stride * each), 1];
  const unitBytes = sizeBytes / each;
  copyUnits(
    unitsOf(from, unitBytes),
    unitsOf(to, unitBytes),
    shape,
    strides(views.fromStrides),
    strides(views.toStrides),
    views.from * each,
    views.to * each,
  );
}

/** A view where the bytes lie as it must, else of a copy; `to` is fresh memory, which does. */
function unitsOf(bytes: Uint8Array, unitBytes: number): Units {
  if (unitBytes === 1) return bytes;
  const aligned = bytes.byteOffset % unitBytes === 0 ? bytes : new Uint8Array(bytes);
  const Type = unitBytes === 2 ? Uint16Array : Uint32Array;
  return new Type(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / unitBytes);
}

function copyUnits(
  from: Units,
  to: Units,
  shape: readonly number[],
  fromStrides: readonly number[],
  toStrides: readonly number[],
  fromStart: number,
  toStart: number,
): void {
  const last = shape.length - 1;
  const copyAxis = (axis: number, fromBegin: number, toBegin: number): void => {
    const [fromStride, toStride] = [fromStrides[axis] as number, toStrides[axis] as number];
    const size = shape[axis] as number;
    let [source, target] = [fromBegin, toBegin];
    if (axis === last && fromStride === 1 && toStride === 1) {
      to.set(from.subarray(source, source + size), target);
      return;
    }
    for (let left = size; left > 0; left -= 1) {
      if (axis === last) to[target] = from[source] as number;
      else copyAxis(axis + 1, source, target);
      source += fromStride;
      target += toStride;
    }
  };
  if (last < 0) to[toStart] = from[fromStart] as number;
  else copyAxis(0, fromStart, toStart);
}
