/** Inputs that nobody else needs: a run takes their memory, not a copy of it. */
import { OwnedBytes } from "../native/hashing.js";
import type { TensorPort } from "../tensor/compile.js";
import { type OwnedTensor, type Tensor, tensorBytes } from "./tensor.js";

/** Those that a run takes. The tensors themselves are empty from here on. */
export function handedOver(
  tensors: Readonly<Record<string, Tensor>>,
  ports: readonly TensorPort[],
): Record<string, OwnedTensor> {
  return Object.fromEntries(
    ports.map(({ name }) => {
      const tensor = tensors[name] as Tensor;
      const { dtype, shape } = tensor;
      return [name, { dtype, shape, owned: OwnedBytes.take(tensorBytes(tensor)) }];
    }),
  );
}
