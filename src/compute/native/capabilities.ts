/** What this host can compute with. */
import { binding, type NativeCapabilities } from "./binding.js";

export type Capabilities = NativeCapabilities;

/**
 * CPU features, usable backends (best first) and CUDA devices, or why there are none. With
 * `probeCuda` it makes device calls: only a worker or a short-lived process should.
 */
export function capabilities({ probeCuda }: { readonly probeCuda: boolean }): Capabilities {
  return binding().capabilities(probeCuda);
}
