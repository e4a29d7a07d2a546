/**
 * Single elements that are known become constants of the maps that read them, which then have room
 * for other inputs when they are joined.
 */
import { isReadable, readElements } from "../canonical/elements.js";
import { MapSources } from "../canonical/linearise.js";
import type { BufferFacts, MapConstant, MapOperator, Operator } from "../canonical/value.js";

export function withScalars(operator: Operator, buffers: readonly BufferFacts[]): Operator {
  if (operator.opcode !== "map") return operator;
  const scalars = operator.reads.map((buffer) => scalarOf(buffers[buffer] as BufferFacts));
  // A map must read something: one that reads nothing else runs once anyhow.
  if (!scalars.includes(undefined) || scalars.every((scalar) => scalar === undefined)) {
    return operator;
  }
  return moved(operator, scalars);
}

function scalarOf({ dtype, elements, bytes }: BufferFacts): MapConstant | undefined {
  if (elements !== 1 || bytes === undefined || !isReadable(dtype)) return undefined;
  const [number] = readElements(bytes, dtype);
  return number === undefined ? undefined : { dtype, number };
}

function moved(map: MapOperator, scalars: readonly (MapConstant | undefined)[]): MapOperator {
  const sources = new MapSources();
  const inputs = map.reads.map((buffer, index) => {
    const scalar = scalars[index];
    return scalar === undefined
      ? sources.input(buffer, map.strides[index] as readonly number[])
      : sources.constant(scalar);
  });
  const constants = map.constants.map((constant) => sources.constant(constant));
  if (!sources.fits(map.steps.length)) return map;
  const { reads, strides } = sources;
  const registers = [
    ...inputs.map((at, index) => (scalars[index] === undefined ? at : reads.length + at)),
    ...constants.map((at) => reads.length + at),
    ...map.steps.map((_, step) => reads.length + sources.constants.length + step),
  ];
  const renamed = (register: number) => registers[register] as number;
  return {
    ...map,
    reads,
    strides,
    constants: sources.constants,
    steps: map.steps.map(({ name, operands }) => ({ name, operands: operands.map(renamed) })),
    results: map.results.map(renamed),
  };
}
