/**
 * Where in the arena each intermediate tensor lies. A tensor lives from the operator that writes it
 * to the last one that reads it; tensors that never live together may share bytes. The largest are
 * placed first, each at the lowest offset that is free for its whole life. An elementwise operator
 * writes over an operand that dies with it.
 */
import { isDense } from "../canonical/layout.js";
import type { BufferFacts, MapOperator, Operator } from "../canonical/value.js";
import { elementBytes } from "../dtype.js";

/** Every tensor starts at a multiple of this: a cache line, and the widest vector. */
export const placementBytes = 64;

export interface Plan {
  /** Of each buffer that lies there. */
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

interface Life {
  readonly buffers: number[];
  readonly bytes: number;
  readonly first: number;
  last: number;
}

interface Placed extends Life {
  readonly offset: number;
}

export function planArena(
  operators: readonly Operator[],
  buffers: readonly BufferFacts[],
  outputs: ReadonlySet<number>,
  inPlace: boolean,
): Plan {
  const placed = new PlacedLives();
  const lives = livesOf(operators, buffers, outputs, inPlace);
  lives.sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const life of lives) {
    let offset = 0;
    for (const other of placed.during(life)) {
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    placed.add({ ...life, offset });
  }
  return {
    offsets: new Map(
      placed.all.flatMap((life) => life.buffers.map((buffer) => [buffer, life.offset] as const)),
    ),
    bytes: placed.all.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes), 0),
  };
}

/** Most lives end soon, so those near a few steps are few. */
const spanSteps = 128;

class PlacedLives {
  readonly all: Placed[] = [];
  /** Of each span of steps those that live in it. */
  readonly #spans: Placed[][] = [];

  add(life: Placed): void {
    this.all.push(life);
    for (const span of spansOf(life)) {
      const lives = this.#spans[span] ?? [];
      this.#spans[span] = lives;
      lives.push(life);
    }
  }

  /** By rising offset. */
  during(life: Life): Placed[] {
    return this.#near(life)
      .filter((other) => other.first <= life.last && life.first <= other.last)
      .sort((a, b) => a.offset - b.offset);
  }

  /** All that may live together with one that ends soon. */
  #near(life: Life): readonly Placed[] {
    const spans = spansOf(life);
    const [first = [], ...rest] = spans.map((span) => this.#spans[span] ?? []);
    if (rest.length === 0) return first;
    return spans.length > 2 ? this.all : [...new Set([...first, ...rest.flat()])];
  }
}

function spansOf({ first, last }: Life): number[] {
  const start = Math.floor(first / spanSteps);
  const count = Math.floor(last / spanSteps) - start + 1;
  return Array.from({ length: count }, (_, index) => start + index);
}

/** Buffers that all last, one behind the other. */
export function planLasting(of: Iterable<number>, buffers: readonly BufferFacts[]): Plan {
  const offsets = new Map<number, number>();
  let bytes = 0;
  for (const buffer of of) {
    offsets.set(buffer, bytes);
    bytes += placedBytes(buffers[buffer] as BufferFacts);
  }
  return { offsets, bytes };
}

function livesOf(
  operators: readonly Operator[],
  buffers: readonly BufferFacts[],
  outputs: ReadonlySet<number>,
  inPlace: boolean,
): Life[] {
  const lastRead = new Map<number, number>();
  for (const [step, { reads }] of operators.entries()) {
    for (const buffer of reads) lastRead.set(buffer, step);
  }
  for (const buffer of outputs) lastRead.set(buffer, operators.length);
  const lives = new Map<number, Life>();
  for (const [step, operator] of operators.entries()) {
    for (const buffer of operator.writes) {
      const last = lastRead.get(buffer) ?? step;
      const bytes = placedBytes(buffers[buffer] as BufferFacts);
      const over =
        inPlace && operator.opcode === "map" ? overwritten(operator, buffers) : undefined;
      const life = over === undefined ? undefined : lives.get(over);
      if (life !== undefined && life.last === step && !taken(life, operator, lives)) {
        life.buffers.push(buffer);
        life.last = last;
        lives.set(buffer, life);
      } else lives.set(buffer, { buffers: [buffer], bytes, first: step, last });
    }
  }
  return [...new Set(lives.values())];
}

function taken(life: Life, operator: Operator, lives: ReadonlyMap<number, Life>): boolean {
  return operator.writes.some((buffer) => lives.get(buffer) === life);
}

/** An operand that is read at the very position that is written, and only there. */
function overwritten(
  { reads, writes, shape, strides }: MapOperator,
  buffers: readonly BufferFacts[],
): number | undefined {
  if (writes.length !== 1) return undefined;
  const { dtype, elements } = buffers[writes[0] as number] as BufferFacts;
  return reads.find((buffer, input) => {
    const facts = buffers[buffer] as BufferFacts;
    const sameSize = elementBytes(facts.dtype) === elementBytes(dtype);
    if (!sameSize || facts.elements !== elements) return false;
    if (reads.indexOf(buffer) !== reads.lastIndexOf(buffer)) return false;
    return isDense(strides[input] ?? [], shape);
  });
}

/** A multiple of the placement; an empty tensor has a place too. */
function placedBytes({ dtype, elements }: BufferFacts): number {
  const bytes = elements * elementBytes(dtype);
  return Math.max(1, Math.ceil(bytes / placementBytes)) * placementBytes;
}
