/** The official suite on this machine: where it lies and which tests it holds. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type FileTensor, type ModelOutline, readOutline, readTensorFile } from "./onnx-file.js";

const debianPlace = "/usr/share/libonnx-testdata/data";
/** `real` is left out: its tests name models that would have to be downloaded. */
const groups = ["node", "pytorch-converted", "pytorch-operator", "simple"];
const opsetMax = 17;

/** What to say where the suite is missing. */
export const suiteMissing =
  "the official ONNX test suite is not here: install libonnx-testdata (Debian), " +
  "or give its folder `data` in QUIPU_ONNX_TESTS";

export function findSuite(): string | undefined {
  const folder = process.env.QUIPU_ONNX_TESTS ?? debianPlace;
  return existsSync(join(folder, "node")) ? folder : undefined;
}

export interface SuiteModel {
  readonly bytes: Uint8Array;
  readonly outline: ModelOutline;
}

/** Names of all tests, group first; those of newer operator sets are left out. */
export function listTests(suite: string): readonly string[] {
  return groups
    .filter((group) => existsSync(join(suite, group)))
    .flatMap((group) => readdirSync(join(suite, group)).map((name) => `${group}/${name}`))
    .filter((name) => readModel(suite, name).outline.opset <= opsetMax)
    .sort();
}

export function readModel(suite: string, name: string): SuiteModel {
  const bytes = readFileSync(join(suite, name, "model.onnx"));
  return { bytes, outline: readOutline(bytes) };
}

export interface DataSet {
  readonly inputs: readonly FileTensor[];
  readonly outputs: readonly FileTensor[];
}

/** Tensors in the order of the model's inputs and outputs. */
export function readDataSets(suite: string, name: string): readonly DataSet[] {
  const folder = join(suite, name);
  return readdirSync(folder)
    .filter((entry) => entry.startsWith("test_data_set_"))
    .sort()
    .map((entry) => ({
      inputs: readTensors(join(folder, entry), "input"),
      outputs: readTensors(join(folder, entry), "output"),
    }));
}

function readTensors(folder: string, stem: "input" | "output"): FileTensor[] {
  const tensors: FileTensor[] = [];
  for (let index = 0; ; index += 1) {
    const path = join(folder, `${stem}_${index}.pb`);
    if (!existsSync(path)) return tensors;
    tensors.push(readTensorFile(readFileSync(path)));
  }
}
