/** What of a lowered model is computed when: never, once when it is opened, or in each run. */
import type { BufferFacts, Operator } from "../canonical/value.js";
import type { Lowered } from "../lower/lower.js";

/** Operators that only depend on constants run once; what they write lasts. */
export interface Sections {
  readonly prelude: readonly Operator[];
  readonly body: readonly Operator[];
}

/** Operators whose results reach an output, in their order. */
export function withoutDead({ operators, outputs }: Lowered): Operator[] {
  const live = new Set([...outputs.values()].map((value) => value.buffer));
  const kept: Operator[] = [];
  for (const operator of [...operators].reverse()) {
    if (!operator.writes.some((buffer) => live.has(buffer))) continue;
    for (const buffer of operator.reads) live.add(buffer);
    kept.push(operator);
  }
  return kept.reverse();
}

export function sectionsOf(
  operators: readonly Operator[],
  buffers: readonly BufferFacts[],
): Sections {
  const early = new Set<number>();
  const prelude: Operator[] = [];
  const body: Operator[] = [];
  for (const operator of operators) {
    const isEarly = operator.reads.every(
      (buffer) => early.has(buffer) || buffers[buffer]?.bytes !== undefined,
    );
    (isEarly ? prelude : body).push(operator);
    if (isEarly) for (const buffer of operator.writes) early.add(buffer);
  }
  return { prelude, body };
}
