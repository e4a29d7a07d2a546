/** For tests of the lowering: what one operator becomes on values, known or not, and how it is refused. */
import { Builder } from "../src/compute/tensor/canonical/builder.js";
import {
  type Element,
  readElements,
  writeElements,
} from "../src/compute/tensor/canonical/elements.js";
import type { Value } from "../src/compute/tensor/canonical/value.js";
import type { DType } from "../src/compute/tensor/dtype.js";
import { Operation } from "../src/compute/tensor/lower/operation.js";
import { rules } from "../src/compute/tensor/lower/rules.js";
import type { OnnxAttribute } from "../src/compute/tensor/onnx/message.js";
import { failure } from "./failure.js";

/** Elements of a known tensor; `undefined` stands for one that only the run knows. */
export interface Given {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: readonly Element[] | undefined;
}

export function floats(shape: readonly number[], ...elements: number[]): Given {
  return { dtype: "float32", shape, elements };
}

export function integers(...elements: number[]): Given {
  return { dtype: "int64", shape: [elements.length], elements };
}

export function unknown(shape: readonly number[], dtype: DType = "float32"): Given {
  return { dtype, shape, elements: undefined };
}

type Attributes = Readonly<Record<string, number | string | readonly number[] | { float: number }>>;

function attribute(name: string, value: Attributes[string]): OnnxAttribute {
  const plain = { name, floats: [], integers: [], texts: [], isOther: false };
  if (typeof value === "number") return { ...plain, integer: BigInt(value) };
  if (typeof value === "string") return { ...plain, text: value };
  if ("float" in value) return { ...plain, float: value.float };
  return { ...plain, integers: value.map(BigInt) };
}

interface Asked {
  readonly version?: number;
  readonly attributes?: Attributes;
  readonly outputs?: number;
}

/** Of each result `float32 [2, 2]: 1 2 3 4`, without the elements where only the run knows them. */
export function results(
  operator: string,
  inputs: readonly (Given | undefined)[],
  asked: Asked = {},
) {
  const { version = 17, attributes = {}, outputs = 1 } = asked;
  const builder = new Builder();
  const values = inputs.map((input, index): Value | undefined => {
    if (input === undefined) return undefined;
    const { dtype, shape, elements } = input;
    if (elements === undefined) return builder.input(`in${index}`, dtype, shape);
    return builder.constant(dtype, shape, writeElements(elements, dtype));
  });
  const node = {
    name: "n",
    operator,
    version,
    inputs: inputs.map((_, index) => `in${index}`),
    graphs: new Map(),
    outputs: Array.from({ length: outputs }, (_, index) => `out${index}`),
    attributes: new Map(
      Object.entries(attributes).map(([name, value]) => [name, attribute(name, value)]),
    ),
  };
  const rule = rules.get(operator);
  if (rule === undefined) throw new Error(`no rule for ${operator}`);
  return rule(new Operation(builder, node, values)).map((value) => {
    const bytes = builder.known(value);
    const elements = bytes === undefined ? "" : `: ${readElements(bytes, value.dtype).join(" ")}`;
    return `${value.dtype} [${value.shape.join(", ")}]${elements}`;
  });
}

export async function refused(...what: Parameters<typeof results>): Promise<string> {
  const { code, message } = await failure(Promise.resolve().then(() => results(...what)));
  return `${code} ${message}`;
}
