/** What a run is asked for, and what it gives. */
import type { Determinism } from "../../model/run.js";
import type { OwnedBytes } from "../native/hashing.js";
import type { Backend, ProgramRunOptions } from "../native/program.js";
import type { Digests } from "./digests.js";
import type { Tensor } from "./tensor.js";

/** Memory handed over for an output, and where in it the first element goes. */
export interface Into {
  readonly owned: OwnedBytes;
  /** In bytes, a multiple of the element's size; 0 without it. */
  readonly offset?: number;
}

export interface RunOptions extends ProgramRunOptions {
  /** Without it and with `auto`: `QUIPU_BACKEND`, then the best CPU backend. */
  readonly backend?: Backend;
  /** Into how many pieces each operator is split; by its size without it. Never changes a bit. */
  readonly pieces?: number;
  /** Memory for outputs, by name. They are then no tensors of the result: release the memory. */
  readonly into?: ReadonlyMap<string, Into>;
  /** `false` leaves hashing to a caller that hashes the same bytes within a file. */
  readonly digests?: boolean;
}

export interface RunOutput {
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Of the bytes of each output's elements, little-endian. */
  readonly digests: ReadonlyMap<string, Digests>;
  /** What really ran. */
  readonly backend: Exclude<Backend, "auto">;
  /** `none` of a fast run: the same inputs may give other bits, even on the same device. */
  readonly determinism: Determinism;
}
