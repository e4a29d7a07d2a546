/**
 * Fast products on a CUDA device: as near to the canonical ones as the rounding of their operands
 * allows, for single matrices and every kind of batch, and canonical again in the next run.
 */
import { QuipuError } from "../../src/base/errors.js";
import { type Fast, float32, Session, type Tensor } from "../../src/compute/engine/session.js";
import { checkProducts } from "../../src/proof/audit/freivalds.js";
import { byFormula, toBitText } from "../canonical-reference.js";
import { operatorModel } from "../onnx-writer.js";
import { finish } from "../rounded-product.js";
import type { GpuCheck } from "./check.js";

/** Of an operand when it is cut off, which is worse than rounding. */
const relativeErrors = { tf32: 2 ** -10, bf16: 2 ** -7 } as const;

const shapes: readonly (readonly [a: readonly number[], b: readonly number[]])[] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [5, 7],
    [7, 3],
  ],
  [
    [1, 300],
    [300, 129],
  ],
  [
    [129, 300],
    [300, 1],
  ],
  [
    [256, 1000],
    [1000, 384],
  ],
  [
    [6, 33, 40],
    [6, 40, 17],
  ],
  [
    [6, 33, 40],
    [40, 17],
  ],
  [
    [33, 40],
    [6, 40, 17],
  ],
  [
    [2, 3, 33, 40],
    [3, 40, 17],
  ],
  [
    [2, 1, 33, 40],
    [1, 3, 40, 17],
  ],
];

type Floats = Float32Array<ArrayBuffer>;

function floats(outputs: ReadonlyMap<string, Tensor>): Floats {
  return outputs.get("c")?.data as Floats;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 1);
const magnitudes = (values: Floats): Floats => values.map(Math.abs);

async function faultOf(precision: Fast, a: readonly number[], b: readonly number[]) {
  const session = Session.compile(operatorModel("MatMul"), { a, b });
  const values = { a: byFormula("unit", 1, sizeOf(a)), b: byFormula("unit", 2, sizeOf(b)) };
  const inputs = { a: float32(a, values.a), b: float32(b, values.b) };
  const fast = await session.run(inputs, { backend: "cuda", fast: precision });
  if (fast.determinism !== "none") return "it calls itself bitwise";
  const want = floats((await session.run(inputs, { backend: "portable" })).outputs);
  const again = floats((await session.run(inputs, { backend: "cuda" })).outputs);
  if (toBitText(again) !== toBitText(want)) return "the next run is not canonical";
  // Each term is wrong by the errors of its two factors, and sums of either order by a little.
  const sizes = await session.run(
    { a: float32(a, magnitudes(values.a)), b: float32(b, magnitudes(values.b)) },
    { backend: "portable" },
  );
  const inner = a.at(-1) as number;
  const relative = 2.01 * relativeErrors[precision] + inner * 2 ** -22;
  const bounds = floats(sizes.outputs).map((size) => size * relative);
  const got = floats(fast.outputs);
  const at = want.findIndex((value, i) => {
    return !(Math.abs((got[i] as number) - value) <= (bounds[i] as number));
  });
  if (at < 0) return faultFound(precision, inputs, got);
  return `element ${at} is ${got[at]}, canonically ${want[at]}, bound ${bounds[at]}`;
}

/** By Freivalds' check, which is for those who cannot compute the product again. */
function faultFound(
  format: Fast,
  inputs: Readonly<Record<"a" | "b", Tensor>>,
  c: Floats,
): string | undefined {
  const { shape } = Session.compileOperands(operatorModel("MatMul"), inputs);
  const products = { ...shape, a: inputs.a.data as Floats, b: inputs.b.data as Floats, c };
  const { within, worst } = finish(checkProducts(products, { format, rounds: 20, seed: "gpu" }));
  return within ? undefined : `a residual is ${worst} of what the error model allows`;
}

export const fastChecks: readonly GpuCheck[] = (["tf32", "bf16"] as const).map((precision) => ({
  name: `fast products by ${precision}`,
  check: async () => {
    for (const [a, b] of shapes) {
      try {
        const fault = await faultOf(precision, a, b);
        if (fault !== undefined) return `[${a}] × [${b}]: ${fault}`;
      } catch (thrown) {
        const { message } = QuipuError.from(thrown);
        if (!/cannot open shared object file/.test(message)) throw thrown;
        console.log(`fast products by ${precision} were not tried: ${message}`);
        return undefined;
      }
    }
    return undefined;
  },
}));
