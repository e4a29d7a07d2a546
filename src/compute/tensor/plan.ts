/**
 * Where in the arena each intermediate tensor lies. A tensor lives from the operator that writes it
 * to the last one that reads it; tensors that never live together may share bytes. The largest are
 * placed first, each at the lowest offset that is free for its whole life.
 */
import { elementBytes, elementCount } from "./graph.js";
import type { LoweredGraph } from "./lower.js";

/** Every tensor starts at a multiple of this: a cache line, and the widest vector. */
export const placementBytes = 64;

export interface Plan {
  readonly offsets: ReadonlyMap<string, number>;
  readonly arenaBytes: number;
}

interface Life {
  readonly name: string;
  readonly bytes: number;
  readonly first: number;
  last: number;
}

interface Placed extends Life {
  readonly offset: number;
}

export function planMemory(graph: LoweredGraph): Plan {
  const placed: Placed[] = [];
  const lives = livesOf(graph).sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const life of lives) {
    const together = placed
      .filter((other) => other.first <= life.last && life.first <= other.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of together) {
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    placed.push({ ...life, offset });
  }
  return {
    offsets: new Map(placed.map(({ name, offset }) => [name, offset])),
    arenaBytes: placed.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes), 0),
  };
}

function livesOf(graph: LoweredGraph): Life[] {
  const lives = new Map<string, Life>();
  for (const [step, operator] of graph.operators.entries()) {
    for (const name of operator.reads) {
      const life = lives.get(name);
      if (life !== undefined) life.last = step;
    }
    for (const name of operator.writes) {
      lives.set(name, { name, bytes: placedBytes(graph, name), first: step, last: step });
    }
  }
  for (const name of graph.outputs) {
    const life = lives.get(name);
    if (life !== undefined) life.last = graph.operators.length;
  }
  return [...lives.values()];
}

/** A multiple of the placement; an empty tensor has a place too. */
export function placedBytes(graph: LoweredGraph, name: string): number {
  const facts = graph.tensors.get(name);
  const bytes =
    facts === undefined
      ? 0
      : (elementCount(facts.shape, facts.dtype) ?? 0) * elementBytes(facts.dtype);
  return Math.max(1, Math.ceil(bytes / placementBytes)) * placementBytes;
}
