/** Inputs that nobody else needs: a run takes their memory, not a copy of it. */
import { OwnedBytes } from "../native/hashing.js";
import { type OwnedTensor, type Tensor, tensorBytes } from "./tensor.js";

/** All but those whose value was compiled in. The tensors themselves are empty from here on. */
export function handedOver(
  tensors: Readonly<Record<string, Tensor>>,
  byValue: ReadonlySet<string>,
): Record<string, OwnedTensor> {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => {
      if (byValue.has(name)) return [];
      const { dtype, shape } = tensor;
      return [[name, { dtype, shape, owned: OwnedBytes.take(tensorBytes(tensor)) }]];
    }),
  );
}
