/** What a check of claimed matrix products comes to: the same bytes from every host that did the check. */
import type { Digest } from "../base/bytes.js";
import { canonicalBytes } from "../base/canonical-json.js";
import type { TensorTask } from "./job.js";

/** A task that is a check. */
export type CheckTask = TensorTask & {
  readonly check: NonNullable<TensorTask["check"]>;
  readonly fast: NonNullable<TensorTask["fast"]>;
};

export interface ProductCheck {
  readonly version: "quipu.dev/product-check/v1";
  readonly model: Digest;
  readonly outputs: Digest;
  readonly fast: CheckTask["fast"];
  /** 32 bytes in hexadecimal digits, drawn after the outputs were claimed. */
  readonly seed: string;
  readonly rounds: number;
  /** Whether all that was claimed is within the error model. */
  readonly within: boolean;
}

export const productCheckFile = "check.json";

export function productCheckBytes({ model, fast, check }: CheckTask, within: boolean): Uint8Array {
  const { outputs, seed, rounds } = check;
  const said: ProductCheck = {
    version: "quipu.dev/product-check/v1",
    ...{ model, outputs, fast, seed, rounds, within },
  };
  return canonicalBytes(said);
}

export function isCheck(task: TensorTask): task is CheckTask {
  return task.check !== undefined && task.fast !== undefined;
}
