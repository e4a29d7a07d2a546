/** Loop and Scan: how often they run is known while compiling, and each round is lowered anew. */
import { sliceAxis, transpose } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { Gathered } from "./gathered.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = { Loop: loop, Scan: scan };

/** Each round is lowered anew, also one that emits nothing. */
export const roundsMax = 16_384;

/** Inputs: how often at most, whether at all, and what goes from round to round. */
function loop(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const hasCount = operation.optional(0) !== undefined;
  const [most = 0] = hasCount ? operation.integersKnown(0) : [Number.POSITIVE_INFINITY];
  const truth = builder.make("bool", [1], []);
  let condition = operation.optional(1) ?? truth;
  let carried = operation.every(2);
  const gathered = Array.from(
    { length: Math.max(0, operation.node.outputs.length - carried.length) },
    () => new Gathered(operation),
  );
  for (let round = 0; round < most && isTrue(operation, condition); round += 1) {
    if (round === roundsMax) throw operation.unsupported(`runs more than ${roundsMax} times`);
    const given = [builder.integers([round], []), truth, ...carried];
    const [next, ...results] = operation.graph("body", given);
    if (next === undefined || results.length < carried.length + gathered.length) {
      throw operation.wrong("has a body that gives too few tensors");
    }
    condition = next;
    for (const [index, values] of gathered.entries()) {
      values.add(results[carried.length + index] as Value);
    }
    carried = results.slice(0, carried.length);
  }
  return [...carried, ...gathered.map((values) => values.all())];
}

function isTrue(operation: Operation, condition: Value): boolean {
  const known = operation.builder.known(condition);
  if (known?.length === 1) return known[0] !== 0;
  throw operation.unsupported("runs until data say so, which is not known while compiling", {
    bind: operation.builder.rootsOf(condition),
  });
}

/**
 * Inputs: states that go from round to round, and sequences, of which each round sees one element.
 * Before operator set 9 all have a batch in front.
 */
function scan(operation: Operation): readonly Value[] {
  if (operation.version >= 9) return scanned(operation, operation.every());
  if (operation.optional(0) !== undefined) throw operation.unsupported("has lengths of sequences");
  const inputs = operation.every(1);
  const [batch = 0] = inputs[0]?.shape ?? [];
  if (batch > roundsMax) throw operation.unsupported(`has a batch of ${batch}`);
  if (inputs.some(({ shape }) => shape[0] !== batch)) {
    throw operation.mismatch("they have different batches");
  }
  const samples = Array.from({ length: batch }, (_, sample) =>
    scanned(
      operation,
      inputs.map((value) => element(operation, value, 0, sample)),
    ),
  );
  return (samples[0] ?? []).map((_, index) => {
    const values = new Gathered(operation);
    for (const results of samples) values.add(results[index] as Value);
    return values.all();
  });
}

/** One position along an axis, which is left out. */
function element({ builder }: Operation, value: Value, axis: number, at: number): Value {
  const shape = value.shape.filter((_, along) => along !== axis);
  return builder.reshape(sliceAxis(builder, value, axis, at, 1), shape);
}

function scanned(operation: Operation, inputs: readonly Value[]): readonly Value[] {
  const { builder } = operation;
  const stateCount = inputs.length - operation.integer("num_scan_inputs", 0);
  const sequences = inputs.slice(stateCount).map((value, index) => {
    const given = operation.integers("scan_input_axes")?.[index] ?? 0;
    const axis = operation.axis(given, value.shape.length);
    return { value, axis, length: value.shape[axis] as number };
  });
  const [rounds = 0] = sequences.map(({ length }) => length);
  if (rounds > roundsMax) throw operation.unsupported(`runs more than ${roundsMax} times`);
  if (sequences.some(({ length }) => length !== rounds)) {
    throw operation.mismatch("its sequences have different lengths");
  }
  let states = inputs.slice(0, stateCount);
  const gathered: Gathered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const elements = sequences.map(({ value, axis }, index) => {
      const at = isBackward(operation, "input", index) ? rounds - 1 - round : round;
      return element(operation, value, axis, at);
    });
    const results = operation.graph("body", [...states, ...elements]);
    states = results.slice(0, stateCount);
    for (const [index, value] of results.slice(stateCount).entries()) {
      gathered[index] ??= new Gathered(operation, isBackward(operation, "output", index));
      gathered[index].add(value);
    }
  }
  const axes = operation.integers("scan_output_axes") ?? [];
  const outputs = gathered.map((values, index) => {
    const value = values.all();
    const axis = operation.axis(axes[index] ?? 0, value.shape.length);
    const order = value.shape.map((_, at) => at).slice(1);
    return transpose(builder, value, [...order.slice(0, axis), 0, ...order.slice(axis)]);
  });
  return [...states, ...outputs];
}

function isBackward(operation: Operation, which: "input" | "output", index: number): boolean {
  const name =
    which === "input" && operation.version < 9 ? "directions" : `scan_${which}_directions`;
  return operation.integers(name)?.[index] === 1;
}
