/**
 * Compiles for inputs that are at hand. Where a shape within the model depends on an input's value,
 * the compiler asks for that input by name, and its value is compiled in.
 */
import { QuipuError } from "../../base/errors.js";
import type { Inputs } from "./compile-files.js";

export interface Bound<Compiled> {
  readonly compiled: Compiled;
  /** Inputs whose value was compiled in: a run does not take them. */
  readonly byValue: ReadonlySet<string>;
}

/** Of tensors only the shape is told, unless their value is asked for. */
export function bindValues<Compiled>(
  inputs: Inputs,
  compile: (inputs: Inputs) => Compiled,
): Bound<Compiled> {
  const byValue = new Set<string>();
  for (;;) {
    const told = Object.entries(inputs).map(([name, given]) => {
      const isWhole = byValue.has(name) || !("dtype" in given);
      return [name, isWhole ? given : given.shape] as const;
    });
    try {
      return { compiled: compile(Object.fromEntries(told)), byValue };
    } catch (thrown) {
      const wanted = askedFor(thrown).filter((name) => isTensor(inputs, name, byValue));
      if (wanted.length === 0) throw thrown;
      for (const name of wanted) byValue.add(name);
    }
  }
}

function isTensor(inputs: Inputs, name: string, byValue: ReadonlySet<string>): boolean {
  const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  return given !== undefined && "dtype" in given && !byValue.has(name);
}

function askedFor(thrown: unknown): readonly string[] {
  if (!(thrown instanceof QuipuError) || thrown.code !== "MODEL_UNSUPPORTED") return [];
  const { bind } = thrown.details;
  return Array.isArray(bind) ? bind.map(String) : [];
}
