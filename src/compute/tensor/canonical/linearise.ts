/** From terms to the steps of one `map`, each term once, and the strides by which it reads. */
import { QuipuError } from "../../../base/errors.js";
import type { Term } from "./term.js";
import type { MapConstant, MapOperator, MapStep, Value } from "./value.js";

export const mapLimits = Object.freeze({
  inputsMax: 8,
  constantsMax: 32,
  stepsMax: 96,
  outputsMax: 4,
});

type Form = Omit<MapOperator, "opcode" | "reads" | "writes">;

/** Strides of `from` in a tensor of shape `to`, 0 where it repeats; shapes must broadcast. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = to.map(() => 0);
  let stride = 1;
  for (let axis = 1; axis <= from.length; axis += 1) {
    const size = from[from.length - axis] as number;
    const target = to[to.length - axis];
    if (target === undefined || (size !== target && size !== 1)) {
      const text = `[${from.join(", ")}] does not broadcast to [${to.join(", ")}]`;
      throw new QuipuError("SHAPE_MISMATCH", text);
    }
    if (size !== 1) strides[to.length - axis] = stride;
    stride *= size;
  }
  return strides;
}

/** `values`: what the inputs read, in order. */
export function linearise(
  shape: readonly number[],
  terms: readonly Term[],
): Form & { readonly values: readonly Value[] } {
  const values: Value[] = [];
  const strides: (readonly number[])[] = [];
  const constants: MapConstant[] = [];
  const order: Extract<Term, { kind: "apply" }>[] = [];
  const place = new Map<Term, { readonly kind: Term["kind"]; readonly index: number }>();
  const visit = (term: Term): void => {
    if (place.has(term)) return;
    let index = 0;
    if (term.kind === "apply") {
      for (const operand of term.operands) visit(operand);
      index = order.push(term) - 1;
    } else if (term.kind === "read") {
      const read = broadcastStrides(term.value.shape, shape);
      index = values.findIndex(
        ({ buffer }, input) => buffer === term.value.buffer && `${strides[input]}` === `${read}`,
      );
      if (index < 0) {
        index = values.push(term.value) - 1;
        strides.push(read);
      }
    } else {
      const { dtype, number } = term;
      index = constants.findIndex(
        (other) => other.dtype === dtype && Object.is(other.number, number),
      );
      if (index < 0) index = constants.push({ dtype, number }) - 1;
    }
    place.set(term, { kind: term.kind, index });
  };
  for (const term of terms) visit(term);
  const register = (term: Term): number => {
    const { kind, index } = place.get(term) as { kind: Term["kind"]; index: number };
    if (kind === "read") return index;
    return values.length + index + (kind === "apply" ? constants.length : 0);
  };
  const steps: MapStep[] = order.map(({ name, operands }) => ({
    name,
    operands: operands.map(register),
  }));
  if (values.length > mapLimits.inputsMax || steps.length > mapLimits.stepsMax) {
    throw new QuipuError("LIMIT_EXCEEDED", "an elementwise expression is too long");
  }
  return { shape, strides, constants, steps, results: terms.map(register), values };
}
