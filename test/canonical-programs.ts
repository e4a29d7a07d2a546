/** Holds one backend against the golden vectors of operators, each as a flat program of its own. */
import { type Backend, OwnedBytes } from "../src/compute/engine/session.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { functions } from "../src/compute/tensor/canonical/functions.js";
import type { BufferFacts, MapOperator, Operator } from "../src/compute/tensor/canonical/value.js";
import { type DType, dtypeOf, elementBytes } from "../src/compute/tensor/dtype.js";
import { encodeProgram } from "../src/compute/tensor/program/encode.js";
import { planArena } from "../src/compute/tensor/program/plan.js";
import { bytesToBits, type OperatorVector, operandBytes, Words } from "./canonical-elements.js";
import type { OperatorVectors } from "./canonical-vectors.js";

const memoryBytesMax = 2 ** 28;
const nothing: ReadonlySet<string> = new Set();
const functionNames = new Map([...functions].map(([name, { number }]) => [number, name]));

/** The compiler's own form of a map, which it writes as words again. */
function mapOf(all: readonly number[], reads: number[], writes: number[]): MapOperator {
  const words = new Words(all);
  const rank = words.next();
  const shape = words.take(rank);
  const strides = reads.map(() => words.take(rank));
  const constants = Array.from({ length: words.next() }, () => {
    const dtype = dtypeOf(words.next()) as DType;
    return { dtype, number: dtype === "float32" ? words.nextFloat() : words.next() };
  });
  const steps = Array.from({ length: words.next() }, () => {
    const word = BigInt(words.next());
    const name = functionNames.get(Number(word & 0xffffn)) as string;
    const count = functions.get(name)?.operands.length ?? 0;
    const operands = [16n, 24n, 32n].slice(0, count).map((at) => Number((word >> at) & 255n));
    return { name, operands };
  });
  return { opcode: "map", reads, writes, shape, strides, constants, steps, results: words.rest() };
}

interface Opened {
  readonly program: NativeProgram;
  readonly inputs: readonly OwnedBytes[];
}

function open({ operator: opcode, words, inputs, outputs }: OperatorVector): Opened {
  const reads = inputs.map((_, index) => index);
  const writes = outputs.map((_, index) => inputs.length + index);
  const bytes = inputs.map(operandBytes);
  /** An ensemble is a constant of the program. */
  const isInput = (index: number) => opcode !== "trees" || index === 0;
  const buffers: BufferFacts[] = inputs.map(({ dtype }, index) => {
    const of = bytes[index] as Uint8Array;
    const facts = { dtype, elements: of.length / elementBytes(dtype), roots: nothing };
    return isInput(index) ? facts : { ...facts, bytes: of };
  });
  for (const { dtype, bits } of outputs) {
    buffers.push({ dtype, elements: bits.length / 2 / elementBytes(dtype), roots: nothing });
  }
  const operator: Operator =
    opcode === "map" ? mapOf(words, reads, writes) : { opcode, reads, writes, words };
  const program = encodeProgram({
    ...{ prelude: [], body: [operator], buffers, outputs: writes, inputs: reads.filter(isInput) },
    arena: planArena([operator], buffers, new Set(writes), false),
    prepared: { offsets: new Map(), bytes: 0 },
  });
  return {
    program: new NativeProgram(program, memoryBytesMax),
    inputs: bytes.filter((_, index) => isInput(index)).map((of) => OwnedBytes.copyOf(of)),
  };
}

/** Opened once for all backends. */
const opened = new WeakMap<OperatorVector, Opened>();

async function run(vector: OperatorVector, backend: Backend, pieces: number): Promise<string[]> {
  const { program, inputs } = opened.get(vector) ?? open(vector);
  opened.set(vector, { program, inputs });
  const results = vector.outputs.map(({ bits }) => new Uint8Array(bits.length / 2));
  await program.run(inputs, results, backend, pieces);
  return results.map((bytes, i) => bytesToBits(vector.outputs[i]?.dtype as DType, bytes));
}

/** Names of the vectors whose bits differ, and how. Empty: all are equal. */
export async function operatorDifferences(
  vectors: Partial<OperatorVectors>,
  backend: Backend,
  pieces: number,
): Promise<string[]> {
  const found: string[] = [];
  for (const [file, { vectors: all }] of Object.entries(vectors)) {
    for (const vector of all) {
      const results = await run(vector, backend, pieces).catch((thrown) => [String(thrown)]);
      for (const [i, got] of results.entries()) {
        const { dtype, bits: wanted } = vector.outputs[i] as OperatorVector["outputs"][0];
        if (got === wanted) continue;
        const digits = elementBytes(dtype) * 2;
        found.push(`${file} ${vector.name}, output ${i}: ${firstDifference(got, wanted, digits)}`);
      }
    }
  }
  return found;
}

function firstDifference(got: string, wanted: string, digits: number): string {
  let at = 0;
  while (at < wanted.length && got[at] === wanted[at]) at += 1;
  const start = at - (at % digits);
  const text = (of: string) => of.slice(start, start + digits);
  return `element ${start / digits} is ${text(got)}, not ${text(wanted)}`;
}
