/** What the suite asks of the engine: a model, whole tensors in, whole tensors out. */
import { QuipuError } from "../../src/base/errors.js";
import {
  type RunOptions,
  type RunOutput,
  Session,
  type Tensor,
} from "../../src/compute/engine/session.js";
import type { HeldTensor } from "./elements.js";

export interface Compiled {
  readonly outputs: readonly string[];
  run(options: RunOptions & { readonly digests?: boolean }): Promise<RunOutput>;
}

/**
 * Compiled for the shapes of these inputs. Where a shape within the model depends on an input's value,
 * the compiler asks for it by name, and gets it.
 */
export function compileFor(model: Uint8Array, inputs: readonly HeldTensor[]): Compiled {
  const byValue = new Set<string>();
  for (;;) {
    const given = inputs.map((input) => [
      input.name,
      byValue.has(input.name) ? tensorOf(input) : input.shape,
    ]);
    try {
      const session = Session.compile(model, Object.fromEntries(given));
      const passed = inputs.filter(({ name }) => !byValue.has(name));
      const tensors = Object.fromEntries(passed.map((input) => [input.name, tensorOf(input)]));
      return {
        outputs: session.outputs.map((port) => port.name),
        run: (options) => session.run(tensors, options),
      };
    } catch (thrown) {
      const wanted = askedFor(thrown).filter((name) => !byValue.has(name));
      if (wanted.length === 0) throw thrown;
      for (const name of wanted) byValue.add(name);
    }
  }
}

function askedFor(thrown: unknown): readonly string[] {
  if (!(thrown instanceof QuipuError) || thrown.code !== "MODEL_UNSUPPORTED") return [];
  const { bind } = thrown.details;
  return Array.isArray(bind) ? bind.map(String) : [];
}

/** Of a type that the engine does not know, the engine says so. */
function tensorOf({ dtype, shape, data }: HeldTensor): Tensor {
  return { dtype, shape, data } as unknown as Tensor;
}
