/** What `--shape`, `--input` and `--random` of the model verbs say, once it is known that the model has such names. */
import { QuipuError } from "../../base/errors.js";
import type { ModelFacts, ValueFacts } from "../../compute/tensor/describe.js";
import type { Invocation } from "../context.js";
import { wholeNumber } from "../number-option.js";

export interface InputChoices {
  /** Shapes of inputs. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Sizes of open axes that have a name. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly files: ReadonlyMap<string, FileChoice>;
  readonly seed: number | undefined;
}

export interface FileChoice {
  readonly form: "array" | "tensors" | "table";
  readonly path: string;
  /** Of a file of many tensors. */
  readonly tensor: string | undefined;
}

export function chooseInputs({ inputs }: ModelFacts, options: Invocation["options"]): InputChoices {
  const symbols = new Set(
    inputs.flatMap(({ axes = [] }) => axes.filter((axis) => typeof axis === "string")),
  );
  const shapes = new Map<string, readonly number[]>();
  const sizes = new Map<string, number>();
  for (const text of listOf(options.shape)) {
    const [name, sizesText] = split(text, [...names(inputs), ...symbols], "--shape");
    const shape = sizesOf(sizesText, text);
    const isInput = inputs.some((input) => input.name === name);
    if (!isInput && shape.length !== 1) throw usage(`--shape ${text}: ${name} is one axis`);
    if (shapes.has(name) || sizes.has(name)) throw usage(`--shape gives ${name} twice`);
    if (isInput) shapes.set(name, shape);
    else sizes.set(name, shape[0] as number);
  }
  const files = new Map<string, FileChoice>();
  for (const text of listOf(options.input)) {
    const [name, file] = split(text, names(inputs), "--input");
    if (files.has(name)) throw usage(`--input gives ${name} twice`);
    files.set(name, fileChoice(file));
  }
  const { random } = options;
  const seed = random === undefined ? random : wholeNumber(random, "--random", 0, 2 ** 32 - 1);
  return { shapes, sizes, files, seed };
}

function listOf(option: unknown): readonly string[] {
  return (option ?? []) as readonly string[];
}

function names(inputs: readonly ValueFacts[]): string[] {
  return inputs.map(({ name }) => name);
}

/** Names of tensors may hold anything, an equals sign too: the model knows where they end. */
function split(text: string, known: readonly string[], flag: string): [string, string] {
  const name = known
    .filter((one) => text.startsWith(`${one}=`))
    .sort((a, b) => b.length - a.length)[0];
  if (name !== undefined) return [name, text.slice(name.length + 1)];
  const list = known.join(", ") || "none";
  throw usage(`${flag} ${text} names no input of the model`, `give NAME=… with one of ${list}`);
}

function sizesOf(text: string, whole: string): number[] {
  if (text === "") return [];
  if (/^\d{1,15}(,\d{1,15})*$/.test(text)) return text.split(",").map(Number);
  throw usage(`--shape ${whole}: sizes are whole numbers between commas, as in x=1,3,224,224`);
}

function fileChoice(text: string): FileChoice {
  const [, path, tensor] = /^(.*\.safetensors)(?::(.*))?$/s.exec(text) ?? [];
  if (path !== undefined) return { form: "tensors", path, tensor };
  if (text.endsWith(".npy")) return { form: "array", path: text, tensor: undefined };
  if (/\.csv(\.gz)?$/.test(text)) return { form: "table", path: text, tensor: undefined };
  throw usage(
    `--input reads .npy, .safetensors and .csv files, and ${text} is none by its name`,
    "convert it, for example with numpy.save",
  );
}

function usage(message: string, next = "see `quipu model run --help`"): QuipuError {
  return new QuipuError("USAGE", message, { next });
}
