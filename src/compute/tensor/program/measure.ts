/** How much work and memory a compiled program is, before it runs. */
import type { BufferFacts, Opcode, Operator } from "../canonical/value.js";
import { elementBytes, sizeOf } from "../dtype.js";
import type { Sections } from "./sections.js";

export interface Measure {
  /** Canonical operators of a run. */
  readonly operators: ReadonlyMap<Opcode, number>;
  /** Those that run once, when the program is opened. */
  readonly preparing: number;
  readonly constants: { readonly count: number; readonly bytes: number };
  /** Of the products and convolutions of a run. */
  readonly multiplyAdds: number;
  /** Elements under the windows of poolings, and branches that samples come by in trees. */
  readonly visits: number;
  /** Bytes that the operators of a run read and write, again for each pass over them. */
  readonly passedBytes: number;
}

/** A guess: how deep trees are only a walk tells. */
const treeDepth = 16;

/** Passes of a selection of the largest: it is sorted in the end. */
const topKPasses = 32;

/** Steps of a map that take about as long as reading and writing what they work on. */
const stepsPerPass = 4;

export function measure({ prelude, body }: Sections, buffers: readonly BufferFacts[]): Measure {
  const operators = new Map<Opcode, number>();
  for (const { opcode } of body) operators.set(opcode, (operators.get(opcode) ?? 0) + 1);
  const read = new Set([...prelude, ...body].flatMap((operator) => operator.reads));
  const constants = [...read].flatMap((buffer) => {
    const facts = buffers[buffer];
    return facts?.bytes === undefined ? [] : [facts.elements * elementBytes(facts.dtype)];
  });
  return {
    operators,
    preparing: prelude.length,
    constants: { count: constants.length, bytes: constants.reduce((sum, size) => sum + size, 0) },
    multiplyAdds: body.reduce((sum, operator) => sum + multiplyAdds(operator), 0),
    visits: body.reduce((sum, operator) => sum + visits(operator, buffers), 0),
    passedBytes: body.reduce((sum, operator) => sum + passedBytes(operator, buffers), 0),
  };
}

/** By the words that arithmetic.ts and window.ts give these operators. */
function multiplyAdds(operator: Operator): number {
  if (operator.opcode === "matmul") {
    const [m = 0, n = 0, k = 0, rank = 0, ...rest] = operator.words.map(Number);
    return m * n * k * sizeOf(rest.slice(0, rank));
  }
  if (operator.opcode === "convolution") {
    const [batch = 0, groups = 0, channels = 0, results = 0, ...window] =
      operator.words.map(Number);
    const [kernel, out] = [window.slice(3, 6), window.slice(6, 9)];
    return batch * groups * channels * results * sizeOf(kernel) * sizeOf(out);
  }
  return 0;
}

function visits(operator: Operator, buffers: readonly BufferFacts[]): number {
  if (operator.opcode === "trees") {
    const roots = buffers[operator.reads[1] as number] as BufferFacts;
    return Number(operator.words[0]) * roots.elements * treeDepth;
  }
  if (operator.opcode === "pool") {
    const [, planes = 0, ...window] = operator.words.map(Number);
    return planes * sizeOf(window.slice(3, 6)) * sizeOf(window.slice(6, 9));
  }
  return 0;
}

function passedBytes(operator: Operator, buffers: readonly BufferFacts[]): number {
  const bytes = [...operator.reads, ...operator.writes].reduce((sum, buffer) => {
    const { dtype, elements } = buffers[buffer] as BufferFacts;
    return sum + elements * elementBytes(dtype);
  }, 0);
  if (operator.opcode === "topk") return bytes * topKPasses;
  return operator.opcode === "map" ? bytes * (1 + operator.steps.length / stepsPerPass) : bytes;
}
