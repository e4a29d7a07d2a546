/**
 * Joins elementwise operators into one pass over memory: a map whose only reader is another map
 * becomes its first steps. The functions, their operands and so every bit stay the same.
 */
import { denseStrides, isDense } from "../canonical/layout.js";
import { MapSources } from "../canonical/linearise.js";
import type { BufferFacts, MapOperator, Operator } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import { withScalars } from "./scalars.js";
import type { Sections } from "./sections.js";

/** Each section by itself, so that what runs once does not become a part of every run. */
export function fuseSections(
  { prelude, body }: Sections,
  buffers: readonly BufferFacts[],
  outputs: ReadonlySet<number>,
): Sections {
  const inside = (operators: readonly Operator[]) =>
    operators.map((operator) => withScalars(operator, buffers));
  const kept = new Set([...outputs, ...body.flatMap((operator) => operator.reads)]);
  return { prelude: fuseMaps(inside(prelude), kept), body: fuseMaps(inside(body), outputs) };
}

/** `outputs`: what is read elsewhere. */
function fuseMaps(
  operators: readonly Operator[],
  outputs: ReadonlySet<number>,
): readonly Operator[] {
  const readers = new Map<number, number>();
  for (const { reads } of operators) {
    for (const buffer of new Set(reads)) readers.set(buffer, (readers.get(buffer) ?? 0) + 1);
  }
  const maps = new Map<number, MapOperator>();
  const gone = new Set<Operator>();
  const fused = operators.map((operator) => {
    if (operator.opcode !== "map") return operator;
    let map = operator;
    for (let again = true; again; ) {
      again = false;
      for (const [input, buffer] of map.reads.entries()) {
        const first = maps.get(buffer);
        if (first === undefined || readers.get(buffer) !== 1 || outputs.has(buffer)) continue;
        if (map.reads.indexOf(buffer) !== map.reads.lastIndexOf(buffer)) continue; // two views of it
        const joined = join(first, map, input);
        if (joined === undefined) continue;
        gone.add(first);
        maps.delete(buffer);
        for (const both of new Set(first.reads)) {
          if (map.reads.includes(both)) readers.set(both, (readers.get(both) as number) - 1);
        }
        map = joined;
        again = true;
        break;
      }
    }
    if (map.writes.length === 1) maps.set(map.writes[0] as number, map);
    return map;
  });
  return fused.filter((operator) => !gone.has(operator));
}

/** The same steps, and none along axes of one element, so that equal views have equal strides. */
function stepping(strides: readonly number[], shape: readonly number[]): readonly number[] {
  return strides.map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
}

/** Strides on another shape of the same elements, where they can be told. */
function restride(
  strides: readonly number[],
  from: readonly number[],
  to: readonly number[],
): readonly number[] | undefined {
  if (from.join() === to.join()) return stepping(strides, to);
  if (strides.every((stride) => stride === 0)) return to.map(() => 0);
  if (isDense(strides, from)) return stepping(denseStrides(to), to);
  const long = (shape: readonly number[]) => shape.filter((size) => size !== 1);
  if (long(from).join() !== long(to).join()) return undefined;
  const kept = strides.filter((_, axis) => from[axis] !== 1);
  return to.map((size) => (size === 1 ? 0 : (kept.shift() as number)));
}

/** `first` computes what `second` reads as its input number `input`. */
function join(first: MapOperator, second: MapOperator, input: number): MapOperator | undefined {
  if (sizeOf(first.shape) !== sizeOf(second.shape)) return undefined;
  if (!isDense(second.strides[input] as readonly number[], second.shape)) return undefined;
  const sources = new MapSources();
  const firstInputs: number[] = [];
  for (const [index, buffer] of first.reads.entries()) {
    const stride = restride(first.strides[index] as readonly number[], first.shape, second.shape);
    if (stride === undefined) return undefined;
    firstInputs.push(sources.input(buffer, stride));
  }
  const secondInputs = second.reads.map((buffer, index) =>
    index === input
      ? -1
      : sources.input(buffer, stepping(second.strides[index] as readonly number[], second.shape)),
  );
  const firstConstants = first.constants.map((constant) => sources.constant(constant));
  const secondConstants = second.constants.map((constant) => sources.constant(constant));
  if (!sources.fits(first.steps.length + second.steps.length)) return undefined;
  const { reads, strides, constants } = sources;
  const base = reads.length + constants.length;
  const registerOf = (
    map: MapOperator,
    inputs: readonly number[],
    ofConstants: readonly number[],
    stepsBefore: number,
    register: number,
  ): number => {
    if (register < map.reads.length) return inputs[register] as number;
    const rest = register - map.reads.length;
    if (rest < map.constants.length) return reads.length + (ofConstants[rest] as number);
    return base + stepsBefore + rest - map.constants.length;
  };
  const inFirst = (register: number) => registerOf(first, firstInputs, firstConstants, 0, register);
  const handed = inFirst(first.results[0] as number);
  const inSecond = (register: number) => {
    const before = first.steps.length;
    return register === input
      ? handed
      : registerOf(second, secondInputs, secondConstants, before, register);
  };
  return {
    opcode: "map",
    reads,
    writes: second.writes,
    shape: second.shape,
    strides,
    constants,
    steps: [
      ...first.steps.map(({ name, operands }) => ({ name, operands: operands.map(inFirst) })),
      ...second.steps.map(({ name, operands }) => ({ name, operands: operands.map(inSecond) })),
    ],
    results: second.results.map(inSecond),
  };
}
