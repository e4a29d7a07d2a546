/** A random model of one operator, with its inputs, of a seed. */
import { type DType, dtypeNumbers } from "../../../src/compute/tensor/dtype.js";
import { type AttributeParts, type ModelParts, writeModel } from "../../onnx-writer.js";
import type { HeldTensor } from "../elements.js";
import { Dice } from "./dice.js";
import { elementwise } from "./elementwise.js";
import { indexing } from "./indexing.js";
import { layers } from "./layers.js";
import { learning } from "./learning.js";
import { linear } from "./linear.js";
import { movement } from "./movement.js";
import { rows } from "./rows.js";
import { windows } from "./windows.js";

/** One node. Inputs that are `fixed` are constants of the model, since they decide about shapes. */
export interface Recipe {
  /** With its domain where that is not ONNX's own. */
  readonly operator: string;
  readonly opset: number;
  /** An absent optional input is undefined. */
  readonly inputs: readonly (HeldTensor | undefined)[];
  readonly fixed?: readonly (HeldTensor | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeParts>>;
  readonly outputs?: number;
}

export type Family = Readonly<Record<string, (dice: Dice) => Recipe>>;

const families: Family = {
  ...elementwise,
  ...rows,
  ...windows,
  ...movement,
  ...indexing,
  ...linear,
  ...layers,
  ...learning,
};
const operators = Object.keys(families);

export interface RandomCase {
  readonly operator: string;
  readonly model: Uint8Array;
  readonly inputs: readonly HeldTensor[];
  /** All that was drawn, in words. */
  readonly told: string;
}

export function caseOf(seed: number, only: string): RandomCase {
  const dice = new Dice(seed);
  const names = operators.filter((name) => name.toLowerCase().includes(only.toLowerCase()));
  const name = dice.pick(names);
  const recipe = (families[name] as (dice: Dice) => Recipe)(dice);
  const inputs = recipe.inputs.filter((input) => input !== undefined);
  return { operator: recipe.operator, model: modelOf(recipe), inputs, told: tell(recipe) };
}

function modelOf({ operator, opset, inputs, fixed = [], attributes, outputs = 1 }: Recipe) {
  const type = ({ dtype }: HeldTensor) => dtypeNumbers[dtype as DType];
  const present = inputs.filter((input) => input !== undefined);
  const named = [...inputs, ...fixed].map((input) => input?.name ?? "");
  while (named.at(-1) === "") named.pop();
  const results = Array.from({ length: outputs }, (_, index) => `y${index}`);
  const point = operator.lastIndexOf(".");
  const domain = operator.slice(0, Math.max(0, point));
  const node = { operator: operator.slice(point + 1), inputs: named, outputs: results };
  const parts: ModelParts = {
    opset,
    ...(domain === "" ? {} : { learning: 3 }),
    nodes: [{ ...node, domain, ...(attributes && { attributes }) }],
    inputs: present.map((input) => ({
      name: input.name,
      type: type(input),
      axes: input.shape,
    })),
    outputs: results.map((name) => ({ name, type: 0 })),
    constants: fixed
      .filter((input) => input !== undefined)
      .map((input) => ({
        name: input.name,
        type: type(input),
        dims: input.shape,
        raw: new Uint8Array(input.data.buffer, input.data.byteOffset, input.data.byteLength),
      })),
  };
  return writeModel(parts);
}

function tell({ operator, opset, inputs, fixed = [], attributes = {} }: Recipe): string {
  const tensor = (input: HeldTensor | undefined) =>
    input === undefined ? "-" : `${input.dtype}[${input.shape.join(",")}]`;
  const constant = (input: HeldTensor | undefined) =>
    input === undefined ? "-" : `{${[...input.data].slice(0, 12).join(",")}}`;
  const all = [...inputs.map(tensor), ...fixed.map(constant)].join(" ");
  const shown = Object.entries(attributes).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
  return `${operator}-${opset} ${all} ${shown.join(" ")}`;
}
