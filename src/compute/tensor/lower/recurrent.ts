/**
 * Recurrent layers, step by step: the sequence's length is part of the shape, so each step becomes
 * operators of its own. What the inputs add to the gates is one product for all steps.
 */
import { add, less, multiply, select, subtract } from "../canonical/algebra.js";
import { matmul } from "../canonical/arithmetic.js";
import { concat, expand, sliceAxis, transpose } from "../canonical/layout.js";
import { constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import { type Activation, activationsOf } from "./gates.js";
import { Gathered } from "./gathered.js";
import { roundsMax } from "./loop.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  RNN: (operation) => layer(operation, { gates: 1, states: 1, usual: ["Tanh"], step: plainStep }),
  GRU: (operation) =>
    layer(operation, { gates: 3, states: 1, usual: ["Sigmoid", "Tanh"], step: gatedStep }),
  LSTM: (operation) => {
    if (operation.integer("input_forget", 0) !== 0) {
      throw operation.unsupported("couples its input and forget gates");
    }
    const usual = ["Sigmoid", "Tanh", "Tanh"];
    return layer(operation, { gates: 4, states: 2, usual, step: memoryStep });
  },
};

/** One direction's part of the weights, and what it knows of a step. */
interface Cell {
  readonly operation: Operation;
  readonly functions: readonly Activation[];
  /** Batch and hidden size. */
  readonly shape: readonly [number, number];
  /** From the state to the gates: [hidden, gates × hidden]. */
  readonly recurrence: Value;
  /** Of the recurrence: [gates × hidden]. */
  readonly bias: Value | undefined;
  /** Of an LSTM: what each gate but the last sees of the cell. */
  readonly peepholes: Value | undefined;
  /** Parts of all these by name, so that every step reads the same ones. */
  readonly parts: Map<string, Value>;
}

/** From the inputs' part of the gates, [batch, gates × hidden], and the states to the next states. */
type Step = (cell: Cell, input: Value, states: readonly Value[]) => readonly Value[];

interface Kind {
  readonly gates: number;
  /** The first one is what the layer gives out. */
  readonly states: number;
  readonly usual: readonly string[];
  readonly step: Step;
}

const directionsByName: ReadonlyMap<string, readonly boolean[]> = new Map([
  ["forward", [false]],
  ["reverse", [true]],
  ["bidirectional", [false, true]],
]);

function layer(operation: Operation, kind: Kind): readonly Value[] {
  const { builder } = operation;
  const name = operation.text("direction", "forward");
  const directions = directionsByName.get(name);
  if (directions === undefined) throw operation.wrong(`has the direction ${name}`);
  const byBatch = operation.integer("layout", 0) === 1;
  const swap = (value: Value, order: readonly number[]) =>
    byBatch ? transpose(builder, value, order) : value;
  const sequence = swap(operation.float(0), [1, 0, 2]);
  const [times, batch] = sequence.shape as [number, number];
  const hidden = operation.float(2).shape.at(-1) as number;
  checkShapes(operation, kind, sequence, directions.length, hidden);
  const functions = activationsOf(operation, directions.length, kind.usual);
  const ran = directions.map((isBackward, direction) => {
    const { input, cell } = cellOf(
      operation,
      kind,
      sequence,
      direction,
      functions[direction] ?? [],
    );
    const first = Array.from({ length: kind.states }, (_, state) =>
      firstState(operation, 5 + state, direction, [batch, hidden], byBatch),
    );
    return unroll(cell, kind.step, input, first, times, isBackward);
  });
  const outputs = ran.map(({ output }) => builder.reshape(output, [times, 1, batch, hidden]));
  const lasting = Array.from({ length: kind.states }, (_, state) => {
    const last = ran.map(({ states }) =>
      builder.reshape(states[state] as Value, [1, batch, hidden]),
    );
    return swap(concat(builder, last, 0), [1, 0, 2]);
  });
  return [swap(concat(builder, outputs, 1), [2, 0, 1, 3]), ...lasting];
}

function checkShapes(
  operation: Operation,
  { gates }: Kind,
  sequence: Value,
  directions: number,
  hidden: number,
): void {
  const [times, , size] = sequence.shape;
  const expected: readonly (readonly [number, readonly (number | undefined)[]])[] = [
    [1, [directions, gates * hidden, size]],
    [2, [directions, gates * hidden, hidden]],
    [3, [directions, 2 * gates * hidden]],
    [7, [directions, 3 * hidden]],
  ];
  if (sequence.shape.length !== 3) throw operation.mismatch("a sequence has three axes");
  for (const [index, shape] of expected) {
    const value = operation.optional(index);
    if (value !== undefined && value.shape.join() !== shape.join()) {
      throw operation.mismatch(`input ${index} has to be [${shape.join(", ")}]`);
    }
  }
  if (times === undefined || times === 0 || times > roundsMax) {
    throw operation.unsupported(`has a sequence of ${times} steps`);
  }
}

/** What belongs to one direction, without its axis. */
function ofDirection(operation: Operation, index: number, direction: number): Value | undefined {
  const { builder } = operation;
  if (operation.optional(index) === undefined) return undefined;
  const part = sliceAxis(builder, operation.float(index), 0, direction, 1);
  return builder.reshape(part, part.shape.slice(1));
}

/** The cell, and what the inputs of all steps add to its gates: [times, batch, gates × hidden]. */
function cellOf(
  operation: Operation,
  { gates }: Kind,
  sequence: Value,
  direction: number,
  functions: readonly Activation[],
): { readonly input: Value; readonly cell: Cell } {
  const { builder } = operation;
  const [times, batch, size] = sequence.shape as [number, number, number];
  const [weights, recurrence] = [1, 2].map((index) =>
    transpose(builder, ofDirection(operation, index, direction) as Value, [1, 0]),
  ) as [Value, Value];
  const hidden = recurrence.shape[0] as number;
  const biases = ofDirection(operation, 3, direction);
  const half = gates * hidden;
  const rows = builder.reshape(sequence, [times * batch, size]);
  const product = matmul(builder, rows, weights, []);
  const input =
    biases === undefined
      ? product
      : builder.map(
          product.shape,
          add(read(product), read(sliceAxis(builder, biases, 0, 0, half))),
        );
  const cell: Cell = {
    operation,
    functions,
    shape: [batch, hidden],
    recurrence,
    bias: biases && sliceAxis(builder, biases, 0, half, half),
    peepholes: ofDirection(operation, 7, direction),
    parts: new Map(),
  };
  return { input: builder.reshape(input, [times, batch, half]), cell };
}

function firstState(
  operation: Operation,
  index: number,
  direction: number,
  shape: readonly [number, number],
  byBatch: boolean,
): Value {
  const { builder } = operation;
  if (operation.optional(index) === undefined) {
    return expand(builder, builder.floats([0], [1, 1]), shape);
  }
  const part = sliceAxis(builder, operation.float(index), byBatch ? 1 : 0, direction, 1);
  if (sizeOf(part.shape) !== sizeOf(shape)) {
    throw operation.mismatch(`each direction begins with [${shape.join(", ")}]`);
  }
  return builder.reshape(part, shape);
}

function unroll(
  cell: Cell,
  step: Step,
  input: Value,
  first: readonly Value[],
  times: number,
  isBackward: boolean,
) {
  const { builder } = cell.operation;
  const lengths = cell.operation.optional(4) && cell.operation.typed(4, "int32");
  const [batch] = cell.shape;
  const outputs = new Gathered(cell.operation, isBackward);
  let states = first;
  for (let done = 0; done < times; done += 1) {
    const time = isBackward ? times - 1 - done : done;
    const slice = sliceAxis(builder, input, 0, time, 1);
    let next = step(cell, builder.reshape(slice, slice.shape.slice(1)), states);
    let output = next[0] as Value;
    if (lengths !== undefined) {
      // Behind its end a sequence keeps its state and gives out 0.
      const length = read(builder.reshape(lengths, [batch, 1]));
      const isWithin = less(constant(time, "int32"), length);
      const chosen = (value: Value, otherwise: Term) =>
        builder.map(cell.shape, select(isWithin, read(value), otherwise));
      output = chosen(output, constant(0));
      next = next.map((value, state) => chosen(value, read(states[state] as Value)));
    }
    outputs.add(output);
    states = next;
  }
  return { output: outputs.all(), states };
}

/** Elements of the weights' last axis, in units of the hidden size. */
function partOf(cell: Cell, of: "recurrence" | "bias" | "peepholes", first: number, count: number) {
  const { operation, shape, parts } = cell;
  const value = cell[of];
  if (value === undefined) return undefined;
  const name = `${of} ${first} ${count}`;
  const axis = value.shape.length - 1;
  const part =
    parts.get(name) ??
    sliceAxis(operation.builder, value, axis, first * shape[1], count * shape[1]);
  parts.set(name, part);
  return part;
}

/** The state's part of so many gates. */
function recurrent(cell: Cell, state: Value, first: number, count: number): Value {
  const { builder } = cell.operation;
  const weights = partOf(cell, "recurrence", first, count) as Value;
  const product = matmul(builder, state, weights, []);
  const bias = partOf(cell, "bias", first, count);
  return bias === undefined ? product : builder.map(product.shape, add(read(product), read(bias)));
}

function gateOf({ operation, shape }: Cell, gates: Value, gate: number): Term {
  return read(sliceAxis(operation.builder, gates, 1, gate * shape[1], shape[1]));
}

function plainStep(cell: Cell, input: Value, [state]: readonly Value[]): readonly Value[] {
  const [f] = cell.functions as [Activation];
  const sum = add(read(input), read(recurrent(cell, state as Value, 0, 1)));
  return [cell.operation.builder.map(cell.shape, f(sum))];
}

/** Gates: update, reset, hidden. */
function gatedStep(cell: Cell, input: Value, states: readonly Value[]): readonly Value[] {
  const { operation, shape } = cell;
  const { builder } = operation;
  const [f, g] = cell.functions as [Activation, Activation];
  const state = states[0] as Value;
  const resetsLate = operation.integer("linear_before_reset", 0) !== 0;
  const both = recurrent(cell, state, 0, resetsLate ? 3 : 2);
  const gate = (which: number) => f(add(gateOf(cell, input, which), gateOf(cell, both, which)));
  let hidden: Term;
  if (resetsLate) hidden = multiply(gate(1), gateOf(cell, both, 2));
  else {
    const reset = builder.map(shape, multiply(gate(1), read(state)));
    hidden = read(recurrent(cell, reset, 2, 1));
  }
  const proposed = g(add(gateOf(cell, input, 2), hidden));
  const update = gate(0);
  const fresh = multiply(subtract(constant(1), update), proposed);
  return [builder.map(shape, add(fresh, multiply(update, read(state))))];
}

/** Gates: input, output, forget, cell; states: what is given out, and the cell. */
function memoryStep(cell: Cell, input: Value, states: readonly Value[]): readonly Value[] {
  const { operation, shape } = cell;
  const { builder } = operation;
  const [f, g, h] = cell.functions as [Activation, Activation, Activation];
  const [state, memory] = states as [Value, Value];
  const own = recurrent(cell, state, 0, 4);
  const gates = builder.map(own.shape, add(read(input), read(own)));
  /** The gate's sum, with what it sees of the cell. */
  const seen = (gate: number, of: Term, peephole: number) => {
    const sum = gateOf(cell, gates, gate);
    const weights = partOf(cell, "peepholes", peephole, 1);
    return weights === undefined ? sum : add(sum, multiply(read(weights), of));
  };
  const [before, proposed] = [read(memory), g(gateOf(cell, gates, 3))];
  const kept = multiply(f(seen(2, before, 2)), before);
  const after = add(kept, multiply(f(seen(0, before, 0)), proposed));
  const output = multiply(f(seen(1, after, 1)), h(after));
  return builder.maps(shape, [output, after]);
}
