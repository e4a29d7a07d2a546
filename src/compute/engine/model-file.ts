/** The bytes of a model file, read once it is known that they are not too many. */
import { readFile, stat } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import { graphLimits } from "../tensor/onnx/graph.js";
import { modelTooLarge } from "../tensor/onnx/import.js";

export async function readModel(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > graphLimits.modelBytesMax) throw modelTooLarge(size);
    return await readFile(path, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted(); // its reason says more than "aborted"
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EISDIR") throw error;
    const parts = { next: "check the file's name", cause: error };
    throw new QuipuError("NOT_FOUND", `there is no model file ${path}`, parts);
  }
}
