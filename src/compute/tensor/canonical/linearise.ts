/** From terms to the steps of one `map`, each term once, and the strides by which it reads. */
import { QuipuError } from "../../../base/errors.js";
import type { Term } from "./term.js";
import type { MapConstant, MapOperator, MapStep } from "./value.js";

const mapLimits = Object.freeze({
  inputsMax: 8,
  constantsMax: 32,
  stepsMax: 96,
});

/** What a map takes: each view of a buffer and each constant once, as they are first named. */
export class MapSources {
  readonly reads: number[] = [];
  readonly strides: (readonly number[])[] = [];
  readonly constants: MapConstant[] = [];

  /** Its number among the inputs. */
  input(buffer: number, strides: readonly number[]): number {
    const at = this.reads.findIndex(
      (read, index) => read === buffer && `${this.strides[index]}` === `${strides}`,
    );
    if (at >= 0) return at;
    this.strides.push(strides);
    return this.reads.push(buffer) - 1;
  }

  /** Its number among the constants; two zeros are two. */
  constant({ dtype, number }: MapConstant): number {
    const at = this.constants.findIndex(
      (other) => other.dtype === dtype && Object.is(other.number, number),
    );
    return at >= 0 ? at : this.constants.push({ dtype, number }) - 1;
  }

  /** Whether one map may take all this, with so many steps. */
  fits(steps: number): boolean {
    const { inputsMax, constantsMax, stepsMax } = mapLimits;
    const { reads, constants } = this;
    return reads.length <= inputsMax && constants.length <= constantsMax && steps <= stepsMax;
  }
}

/** Strides of `from` in a tensor of shape `to`, 0 where it repeats; shapes must broadcast. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = to.map(() => 0);
  let stride = 1;
  for (let axis = 1; axis <= from.length; axis += 1) {
    const size = from[from.length - axis] as number;
    const target = to[to.length - axis];
    if (target === undefined || (size !== target && size !== 1)) {
      const text = `[${from.join(", ")}] does not broadcast to [${to.join(", ")}]`;
      throw new QuipuError("SHAPE_MISMATCH", text, {
        next: "check the shapes of the inputs against the model",
      });
    }
    if (size !== 1) strides[to.length - axis] = stride;
    stride *= size;
  }
  return strides;
}

export function linearise(
  shape: readonly number[],
  terms: readonly Term[],
): Omit<MapOperator, "opcode" | "writes"> {
  const sources = new MapSources();
  const order: Extract<Term, { kind: "apply" }>[] = [];
  const place = new Map<Term, { readonly kind: Term["kind"]; readonly index: number }>();
  const visit = (term: Term): void => {
    if (place.has(term)) return;
    let index = 0;
    if (term.kind === "apply") {
      // Last what the step takes first: it is likely to be at hand still.
      for (const operand of term.operands.toReversed()) visit(operand);
      index = order.push(term) - 1;
    } else if (term.kind === "read") {
      index = sources.input(term.value.buffer, broadcastStrides(term.value.shape, shape));
    } else index = sources.constant(term);
    place.set(term, { kind: term.kind, index });
  };
  for (const term of terms) visit(term);
  const { reads, strides, constants } = sources;
  const register = (term: Term): number => {
    const { kind, index } = place.get(term) as { kind: Term["kind"]; index: number };
    if (kind === "read") return index;
    return reads.length + index + (kind === "apply" ? constants.length : 0);
  };
  const steps: MapStep[] = order.map(({ name, operands }) => ({
    name,
    operands: operands.map(register),
  }));
  if (!sources.fits(steps.length)) {
    throw new QuipuError("LIMIT_EXCEEDED", "an elementwise expression is too long", {
      next: "export its operator as several",
    });
  }
  return { reads, shape, strides, constants, steps, results: terms.map(register) };
}
