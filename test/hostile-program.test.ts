/** Programs that no compiler wrote: each asks for one thing that would leave its memory or its bits. */
import t, { type Test } from "tap";
import { OwnedBytes } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { NativeProgram } from "../src/compute/native/program.js";
import type { BufferFacts, Operator } from "../src/compute/tensor/canonical/value.js";
import { encodeProgram } from "../src/compute/tensor/program/encode.js";

const placementBytes = 64;
const memoryBytesMax = 1 << 20;
const backends = capabilities({ probeCuda: false }).backends.filter((name) => name !== "cuda");

/** Buffers are float32 of so many elements; inputs come first, the others lie one behind the other. */
function program(
  sizes: readonly number[],
  inputs: number,
  body: readonly Operator[],
  outputs: readonly number[],
): Uint8Array {
  const buffers = sizes.map(
    (elements): BufferFacts => ({ dtype: "float32", elements, roots: new Set() }),
  );
  const offsets = new Map<number, number>();
  let bytes = 0;
  for (let buffer = inputs; buffer < sizes.length; buffer += 1) {
    offsets.set(buffer, bytes);
    const size = (sizes[buffer] as number) * 4;
    bytes += Math.max(1, Math.ceil(size / placementBytes)) * placementBytes;
  }
  return encodeProgram({
    ...{ prelude: [], body, buffers, outputs },
    inputs: [...sizes.keys()].slice(0, inputs),
    arena: { offsets, bytes },
    prepared: { offsets: new Map(), bytes: 0 },
  });
}

function refused(t: Test, bytes: Uint8Array, why: string): void {
  t.throws(() => new NativeProgram(bytes, memoryBytesMax), {
    code: "INVALID_ARGUMENT",
    message: new RegExp(why),
  });
}

function copyOf(writes: number, fill: number, shape: number[], from: number[], to: number[]) {
  const words = [fill, 0, shape.length, 0, 0, ...shape, ...from, ...to];
  return [{ opcode: "copy", reads: [0], writes: [writes], words }] as const;
}

t.test("a map that sees the first elements of a product writes no others", async (t) => {
  const side = 8;
  const negate = (read: number, written: number, size: number): Operator => ({
    ...{ opcode: "map", reads: [read], writes: [written], shape: [size], strides: [[1]] },
    ...{ constants: [], steps: [{ name: "negate_f32", operands: [0] }], results: [1] },
  });
  // Of input 0: its product with itself, the first of that negated, and beside them a bystander.
  const [first, bystander, product] = [1, 2, 3];
  const body: Operator[] = [
    negate(0, bystander, side * side),
    ...[
      {
        ...{ opcode: "matmul" as const, reads: [0, 0], writes: [product] },
        words: [side, side, side, 0],
      },
    ],
    negate(product, first, 1),
  ];
  const sizes = [side * side, 1, side * side, side * side];
  const opened = new NativeProgram(program(sizes, 1, body, [first, bystander]), memoryBytesMax);
  const ones = new Float32Array(side * side).fill(1);
  for (const backend of backends) {
    const results = [new Float32Array(1), new Float32Array(side * side)];
    await opened.run(
      [OwnedBytes.copyOf(new Uint8Array(ones.buffer))],
      results.map((result) => new Uint8Array(result.buffer)),
      backend,
      1,
    );
    t.same([...(results[0] ?? [])], [-side], `${backend}: the first`);
    t.same(
      [...(results[1] ?? [])],
      [...ones].map((one) => -one),
      `${backend}: the bystander`,
    );
  }
});

t.test("a map writes something", (t) => {
  const body: Operator[] = [
    {
      ...{ opcode: "map", reads: [0], writes: [], shape: [4], strides: [[1]] },
      ...{ constants: [], steps: [], results: [] },
    },
  ];
  refused(t, program([4], 1, body, [0]), "malformed map");
  t.end();
});

t.test("a copy writes each place once", (t) => {
  refused(t, program([4, 4], 1, copyOf(1, 0, [4], [1], [0]), [1]), "one place twice");
  refused(t, program([4, 4], 1, copyOf(1, 0, [2, 2], [2, 1], [1, 1]), [1]), "one place twice");
  refused(t, program([4, 2], 1, copyOf(1, 1, [3], [1], [0]), [1]), "one place twice");
  for (const to of [
    [2, 1],
    [1, 2],
  ]) {
    const copy = copyOf(1, 0, [2, 2], [2, 1], to);
    t.ok(new NativeProgram(program([4, 4], 1, copy, [1]), memoryBytesMax), `strides ${to}`);
  }
  const [part] = copyOf(1, 1, [2], [1], [1]);
  const twice = { ...part, reads: [0, 0], words: [...part.words, ...part.words.slice(2)] };
  t.ok(new NativeProgram(program([2, 3], 1, [twice], [1]), memoryBytesMax), "the later part stays");
  t.end();
});

t.test("numbers whose product no word holds are refused", (t) => {
  const large = 2 ** 24;
  const window = [1, 1, 1, large, large, large, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0];
  const pool = { opcode: "pool", reads: [0], writes: [1], words: [2, 1, ...window, 1] } as const;
  refused(t, program([1, 1], 1, [pool], [1]), "malformed pooling");
  const far = 2 ** 48;
  const words = [1, 1, 0, 2, 2, 2, far, far, far, far];
  const empty = { opcode: "matmul", reads: [0, 0], writes: [1], words } as const;
  refused(t, program([0, 4], 1, [empty], [1]), "leaves its tensors");
  t.end();
});
