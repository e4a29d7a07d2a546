/**
 * `quipu model run FILE`: one run here; each output with its digests, which are those of every backend
 * unless the run was fast.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestsOf } from "../../compute/engine/digests.js";
import { handedOver } from "../../compute/engine/handed-over.js";
import { OutputFile, outputFileName } from "../../compute/engine/output-file.js";
import { type Backend, type Fast, Session, type Tensor } from "../../compute/engine/session.js";
import { tensorBytes } from "../../compute/engine/tensor.js";
import { sizeOf } from "../../compute/tensor/dtype.js";
import type { VerbAction } from "../context.js";
import { bytesText, printable } from "../table.js";
import { type Element, firstElements } from "./elements.js";
import { tensorsOf } from "./inputs.js";
import { inputView, openModel } from "./open.js";

/** Of each output, to recognise it by. */
const elementsShown = 6;

interface OutputView {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Of its elements, little-endian. */
  readonly blake3: string;
  readonly sha256: string;
  readonly first: readonly Element[];
}

export const action: VerbAction = async (context, invocation) => {
  const { output, signal } = context;
  const { path, bytes, folder, inputs } = await openModel(context, invocation);
  const tensors = tensorsOf(inputs);
  output.progress("compiling");
  const session = Session.compileFor(bytes, tensors, { folder });
  signal.throwIfAborted();
  output.progress("computing");
  const file = new OutputFile(session.outputs);
  const startMs = performance.now();
  const { backend, determinism } = await session.run(handedOver(tensors, session.inputs), {
    backend: invocation.options.backend as Backend,
    fast: invocation.options.fast as Fast | undefined,
    into: file.rooms,
    digests: false,
    signal,
  });
  const runMs = performance.now() - startMs;
  signal.throwIfAborted();
  const done = file.release();
  const { out } = invocation.options;
  const saved = out === undefined ? null : await save(String(out), done.bytes);
  const outputs: OutputView[] = [];
  for (const [name, tensor] of done.tensors) outputs.push(await outputView(name, tensor));
  const value = {
    model: path,
    backend,
    determinism,
    arithmetic: determinism === "bitwise" ? session.arithmetic : "",
    runMs,
    inputs: inputs.map(inputView),
    outputs,
    file: saved,
  };
  output.result(value, () => {
    const warned = determinism === "bitwise" ? "" : "; fast: another run may give other bits";
    const lines = [`${backend}, ${runMs.toFixed(1)} ms${warned}`, ...outputs.flatMap(outputLines)];
    return (saved === null ? lines : [...lines, `saved  ${saved}`]).join("\n");
  });
  return 0;
};

/** The file appears whole or not at all; another one of its name is replaced. */
async function save(folder: string, bytes: Uint8Array): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, outputFileName);
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, bytes);
  await rename(unfinished, path);
  return path;
}

async function outputView(name: string, tensor: Tensor): Promise<OutputView> {
  const { dtype: type, shape } = tensor;
  const { sha256, blake3 } = await digestsOf(tensorBytes(tensor));
  const first = firstElements(tensor, elementsShown);
  return { name, type, shape, sizeBytes: tensor.data.byteLength, blake3, sha256, first };
}

function outputLines(output: OutputView): string[] {
  const { name, type, shape, first } = output;
  const isMore = sizeOf(shape) > first.length;
  return [
    `${printable(name)}  ${type} [${shape.join(", ")}]  ${bytesText(output.sizeBytes)}`,
    `  blake3:${output.blake3}`,
    `  ${output.sha256}`,
    `  ${first.join("  ")}${isMore ? "  …" : ""}`,
  ];
}
