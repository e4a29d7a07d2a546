/** What the caller tells of each input before the model is compiled: its shape, or its very value. */
import { QuipuError } from "../../../base/errors.js";
import type { Builder } from "../canonical/builder.js";
import type { Value } from "../canonical/value.js";
import { elementCount, tensorLimits } from "../dtype.js";
import type { Constant, GraphInput } from "../onnx/graph.js";

/** A shape, or a value that the shapes of other tensors depend on. */
export type Given = Readonly<Record<string, readonly number[] | Constant>>;

function isConstant(given: readonly number[] | Constant): given is Constant {
  return "bytes" in given;
}

interface Bound {
  readonly value: Value;
  /** Its value was given. */
  readonly known: boolean;
}

export function bindInputs(
  inputs: readonly GraphInput[],
  given: Given,
  builder: Builder,
): Map<string, Bound> {
  const symbols = new Map<string, { readonly size: number; readonly input: string }>();
  const bound = new Map<string, Bound>();
  for (const input of inputs) {
    const what = Object.hasOwn(given, input.name) ? given[input.name] : undefined;
    if (what === undefined) {
      throw new QuipuError("SHAPE_MISMATCH", `the model's input ${input.name} is not given`, {
        next: `give the inputs ${inputs.map(({ name }) => name).join(", ")}`,
      });
    }
    const shape = isConstant(what) ? what.shape : what;
    checkShape(input, shape, symbols);
    if (!isConstant(what)) {
      bound.set(input.name, { value: builder.input(input.name, input.dtype, shape), known: false });
      continue;
    }
    if (what.dtype !== input.dtype) {
      const text = `input ${input.name} is ${what.dtype}; the model wants ${input.dtype}`;
      throw new QuipuError("SHAPE_MISMATCH", text, { next: `give ${input.name} as that` });
    }
    const value = builder.constant(what.dtype, shape, what.bytes);
    bound.set(input.name, { value, known: true });
  }
  const names = new Set(inputs.map((input) => input.name));
  const extra = Object.keys(given).find((name) => !names.has(name));
  if (extra !== undefined) {
    throw new QuipuError("SHAPE_MISMATCH", `the model has no input named ${extra}`, {
      next: `give the inputs ${[...names].join(", ")}`,
    });
  }
  return bound;
}

function checkShape(
  input: GraphInput,
  shape: readonly number[],
  symbols: Map<string, { readonly size: number; readonly input: string }>,
): void {
  const given = `input ${input.name} has the shape [${shape.join(", ")}]`;
  if (shape.length > tensorLimits.axesMax || elementCount(shape, input.dtype) === undefined) {
    throw new QuipuError("LIMIT_EXCEEDED", `${given}, which is more than a tensor may hold`, {
      next: "use smaller inputs",
    });
  }
  if (input.axes !== undefined && input.axes.length !== shape.length) {
    throw unfit(given, wanted(input));
  }
  for (const [position, axis] of (input.axes ?? []).entries()) {
    const size = shape[position] as number;
    const bound = typeof axis === "string" ? symbols.get(axis) : undefined;
    if (typeof axis === "string" && bound === undefined) {
      symbols.set(axis, { size, input: input.name });
    }
    const expected = typeof axis === "number" ? axis : (bound?.size ?? size);
    if (expected !== size) {
      const why = bound === undefined ? "" : `, and ${axis} is ${bound.size} in ${bound.input}`;
      throw unfit(given, `${wanted(input)}${why}`);
    }
  }
}

function unfit(given: string, wants: string): QuipuError {
  return new QuipuError("SHAPE_MISMATCH", `${given}; the model wants ${wants}`, {
    next: "give a shape that fits",
  });
}

function wanted(input: GraphInput): string {
  return `[${(input.axes ?? []).map((axis) => axis ?? "?").join(", ")}]`;
}
