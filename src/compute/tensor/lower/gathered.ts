/** What rounds give one after another, along a new first axis. */
import { concat } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import type { Operation } from "./operation.js";

/** So many are joined at once, so that none has to be kept until the last one comes. */
const joinedMax = 64;

export class Gathered {
  readonly #operation: Operation;
  readonly #isBackward: boolean;
  readonly #joined: Value[] = [];
  #fresh: Value[] = [];

  /** Backward: what comes first lies last. */
  constructor(operation: Operation, isBackward = false) {
    this.#operation = operation;
    this.#isBackward = isBackward;
  }

  add(value: Value): void {
    const first = this.#fresh[0] ?? this.#joined[0];
    const { dtype, shape } = value;
    if (
      first !== undefined &&
      (first.dtype !== dtype || `${first.shape.slice(1)}` !== `${shape}`)
    ) {
      throw this.#operation.mismatch("the results of its rounds have different shapes");
    }
    this.#fresh.push(this.#operation.builder.reshape(value, [1, ...shape]));
    if (this.#fresh.length === joinedMax) this.#join();
  }

  /** There has to be one. */
  all(): Value {
    if (this.#fresh.length > 0) this.#join();
    if (this.#joined.length === 0) {
      throw this.#operation.unsupported("gathers the results of no round at all");
    }
    return this.#inOrder(this.#joined);
  }

  #join(): void {
    this.#joined.push(this.#inOrder(this.#fresh));
    this.#fresh = [];
  }

  #inOrder(values: readonly Value[]): Value {
    const ordered = this.#isBackward ? [...values].reverse() : values;
    return concat(this.#operation.builder, ordered, 0);
  }
}
