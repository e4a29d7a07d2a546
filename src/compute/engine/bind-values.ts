/**
 * Compiles for inputs that are all at hand. Where a shape within the model depends on an input's value,
 * the compiler asks for that input by name, and its value is compiled in.
 */
import { QuipuError } from "../../base/errors.js";
import type { Inputs } from "./session.js";
import type { Tensor } from "./tensor.js";

export interface Bound<Compiled> {
  readonly compiled: Compiled;
  /** Those whose value was not compiled in: a run takes them. */
  readonly inputs: Readonly<Record<string, Tensor>>;
}

export function bindValues<Compiled>(
  tensors: Readonly<Record<string, Tensor>>,
  compile: (inputs: Inputs) => Compiled,
): Bound<Compiled> {
  const byValue = new Set<string>();
  for (;;) {
    const inputs = Object.entries(tensors).map(
      ([name, tensor]) => [name, byValue.has(name) ? tensor : tensor.shape] as const,
    );
    try {
      const compiled = compile(Object.fromEntries(inputs));
      const rest = Object.entries(tensors).filter(([name]) => !byValue.has(name));
      return { compiled, inputs: Object.fromEntries(rest) };
    } catch (thrown) {
      const wanted = askedFor(thrown).filter(
        (name) => Object.hasOwn(tensors, name) && !byValue.has(name),
      );
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
