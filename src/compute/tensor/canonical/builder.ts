/**
 * Collects canonical operators in the order in which they run. What can be computed at once is: an
 * operator on known values becomes a known value.
 */
import { QuipuError } from "../../../base/errors.js";
import { type DType, elementCount, sizeOf, tensorLimits } from "../dtype.js";
import { type Element, writeElements } from "./elements.js";
import { evaluate } from "./evaluate.js";
import { linearise } from "./linearise.js";
import type { Term } from "./term.js";
import type { BufferFacts, Operator, PlainOperator, Value } from "./value.js";

export interface Result {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly choices?: number;
}

const floatTypes: ReadonlySet<DType> = new Set(["float32", "float16", "bfloat16"]);
/**
 * What the compiler itself may write: a few bytes of a model can ask for much. What is beyond is left
 * to the run, or refused where a shape depends on it.
 */
const madeBytesMax = 256 * 1024 * 1024;
const noRoots: ReadonlySet<string> = new Set();

export class Builder {
  readonly buffers: BufferFacts[] = [];
  readonly operators: Operator[] = [];
  readonly #inputs = new Map<string, Value>();
  #madeBytes = 0;

  input(name: string, dtype: DType, shape: readonly number[]): Value {
    const value = this.#add({ dtype, shape }, new Set([name]));
    this.#inputs.set(name, value);
    return value;
  }

  /** `bytes`: little-endian elements in row-major order. */
  constant(dtype: DType, shape: readonly number[], bytes: Uint8Array): Value {
    return this.#add({ dtype, shape }, noRoots, bytes);
  }

  integers(numbers: readonly (number | bigint)[], shape?: readonly number[]): Value {
    return this.make("int64", numbers, shape);
  }

  floats(numbers: readonly number[], shape?: readonly number[]): Value {
    return this.make("float32", numbers, shape);
  }

  /** A constant that the model does not hold. */
  make(
    dtype: DType,
    elements: readonly Element[],
    shape: readonly number[] = [elements.length],
  ): Value {
    const bytes = writeElements(elements, dtype);
    if (!this.#spend(bytes.length)) {
      const text = `more than ${madeBytesMax} bytes would be written while compiling`;
      throw new QuipuError("LIMIT_EXCEEDED", text, { next: "store constants in the model" });
    }
    return this.constant(dtype, shape, bytes);
  }

  /** The same elements in another shape. */
  reshape(value: Value, shape: readonly number[]): Value {
    const { buffer, dtype, choices } = value;
    if (shape.length > tensorLimits.axesMax || sizeOf(shape) !== sizeOf(value.shape)) {
      const text = `[${value.shape.join(", ")}] as [${shape.join(", ")}]`;
      throw new QuipuError("SHAPE_MISMATCH", `a tensor cannot take another shape: ${text}`, {
        next: "check the shapes of the inputs against the model",
      });
    }
    return { buffer, dtype, shape, ...(choices === undefined ? {} : { choices }) };
  }

  emit(
    opcode: PlainOperator["opcode"],
    reads: readonly Value[],
    results: readonly Result[],
    words: readonly (number | bigint)[],
  ): Value[] {
    const buffers = reads.map((value) => value.buffer);
    const written = results.map((result) => this.#add(result, this.#roots(buffers)));
    const writes = written.map((value) => value.buffer);
    return this.#push({ opcode, reads: buffers, writes, words }, written);
  }

  /** Elementwise: the terms' values broadcast to `shape`. */
  maps(shape: readonly number[], terms: readonly Term[]): Value[] {
    const form = linearise(shape, terms);
    const written = terms.map(({ dtype }) => this.#add({ dtype, shape }, this.#roots(form.reads)));
    const writes = written.map((value) => value.buffer);
    return this.#push({ opcode: "map", writes, ...form }, written);
  }

  map(shape: readonly number[], term: Term): Value {
    if (term.kind === "read" && term.value.shape.join() === shape.join()) return term.value;
    return this.maps(shape, [term])[0] as Value;
  }

  /** Little-endian elements, where they are known while compiling. */
  known(value: Value): Uint8Array | undefined {
    return this.buffers[value.buffer]?.bytes;
  }

  /** Inputs of the model that a value depends on. */
  rootsOf(value: Value): readonly string[] {
    return [...(this.buffers[value.buffer]?.roots ?? noRoots)];
  }

  /** Whether a value depends on nothing but single integers or truth values among the inputs. */
  isSwitch(value: Value): boolean {
    const inputs = this.rootsOf(value).map((name) => this.#inputs.get(name) as Value);
    const isOne = (input: Value) => sizeOf(input.shape) === 1 && !floatTypes.has(input.dtype);
    return inputs.length > 0 && inputs.every(isOne);
  }

  #roots(reads: readonly number[]): ReadonlySet<string> {
    const all = new Set<string>();
    for (const buffer of reads) {
      for (const root of this.buffers[buffer]?.roots ?? noRoots) all.add(root);
    }
    return all.size === 0 ? noRoots : all;
  }

  #add(result: Result, roots: ReadonlySet<string>, bytes?: Uint8Array): Value {
    const { dtype, shape, choices } = result;
    const elements = elementCount(shape, dtype);
    if (elements === undefined || shape.length > tensorLimits.axesMax) {
      throw new QuipuError(
        "LIMIT_EXCEEDED",
        `a tensor would have the shape [${shape.join(", ")}], which is more than one may hold`,
        { next: "use smaller inputs" },
      );
    }
    this.buffers.push({ dtype, elements, roots, ...(bytes === undefined ? {} : { bytes }) });
    const buffer = this.buffers.length - 1;
    return { buffer, dtype, shape, ...(choices === undefined ? {} : { choices }) };
  }

  /** Takes so many of the bytes that may still be written, and says whether there were as many. */
  #spend(bytes: number): boolean {
    if (this.#madeBytes + bytes > madeBytesMax) return false;
    this.#madeBytes += bytes;
    return true;
  }

  #push(operator: Operator, written: Value[]): Value[] {
    const known = evaluate(operator, this.buffers);
    const bytes = known?.reduce((sum, result) => sum + result.length, 0) ?? 0;
    if (known === undefined || !this.#spend(bytes)) {
      this.operators.push(operator);
      return written;
    }
    for (const [index, { buffer }] of written.entries()) {
      const facts = this.buffers[buffer] as BufferFacts;
      this.buffers[buffer] = { ...facts, bytes: known[index] as Uint8Array };
    }
    return written;
  }
}
