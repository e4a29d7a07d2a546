/** What the model verbs begin with: the file, what it says of itself, and the inputs that are given. */
import { dirname } from "node:path";
import { readModel } from "../../compute/engine/model-file.js";
import { describeModel, type ModelFacts } from "../../compute/tensor/describe.js";
import type { Context, Invocation } from "../context.js";
import { chooseInputs } from "./choices.js";
import { type GivenInput, readInputs } from "./inputs.js";

export interface OpenModel {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Weights beside the model are read from here and from nowhere else. */
  readonly folder: string;
  readonly facts: ModelFacts;
  readonly inputs: readonly GivenInput[];
}

export async function openModel(
  { output, signal }: Context,
  { args, options }: Invocation,
): Promise<OpenModel> {
  const [path = ""] = args;
  output.progress(`reading ${path}`);
  const bytes = await readModel(path, signal);
  const facts = describeModel(bytes);
  const inputs = await readInputs(facts, chooseInputs(facts, options), signal);
  return { path, bytes, folder: dirname(path), facts, inputs };
}

export function inputView({ facts, shape, from }: GivenInput): object {
  return { name: facts.name, type: facts.type, shape, from };
}
