/**
 * Weights that lie in files beside a model: read where the model says, and nowhere but in its folder.
 * What a model names is not trusted, so a name that leads out of the folder, be it by a link, is
 * refused, and so is all that is no plain file.
 */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { isWithin } from "../../base/paths.js";
import type { ReadExternal } from "../tensor/onnx/constant.js";

export const externalLimits = Object.freeze({
  /** Of all tensors of one model together; tensors may share bytes of a file. */
  bytesMax: 8 * 1024 * 1024 * 1024,
  filesMax: 4_096,
});

/** `readSync` takes no more at once. */
const readBytesMax = 1024 * 1024 * 1024;

interface OpenFile {
  readonly descriptor: number;
  readonly bytes: number;
}

/** `use` may read files of the folder; they are closed when it ends. */
export function withExternalData<T>(folder: string, use: (read: ReadExternal) => T): T {
  const files = new Map<string, OpenFile>();
  let bytesLeft = externalLimits.bytesMax;
  try {
    return use((location, offset, length) => {
      const file = files.get(location) ?? openWithin(folder, location);
      files.set(location, file);
      bytesLeft -= length;
      if (files.size > externalLimits.filesMax || bytesLeft < 0) {
        throw new QuipuError("LIMIT_EXCEEDED", "the model has more external data than is read", {
          next: "divide the model",
        });
      }
      return readAt(file, location, offset, length);
    });
  } finally {
    for (const { descriptor } of files.values()) closeSync(descriptor);
  }
}

function openWithin(folder: string, location: string): OpenFile {
  let descriptor: number | undefined;
  try {
    const path = pathWithin(folder, location);
    // Neither a link that has just taken the file's place nor a pipe without a writer.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw invalid(location, "it is no file");
    return { descriptor, bytes: facts.size };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw readError(error, location);
  }
}

function pathWithin(folder: string, location: string): string {
  const root = realpathSync(folder);
  if (!isAbsolute(location)) {
    const path = realpathSync(join(root, location));
    if (isWithin(root, path)) return path;
  }
  throw invalid(
    location,
    "it leads out of the model's folder",
    "put the file itself beside the model",
  );
}

function readAt(
  { descriptor, bytes }: OpenFile,
  location: string,
  offset: number,
  length: number,
): Uint8Array {
  // Before memory is taken for it.
  if (offset + length > bytes) {
    throw invalid(
      location,
      `it has ${bytes} bytes, and a tensor lies at ${offset} to ${offset + length}`,
    );
  }
  const data = new Uint8Array(length);
  try {
    for (let at = 0; at < length; ) {
      const count = Math.min(readBytesMax, length - at);
      const read = readSync(descriptor, data, at, count, offset + at);
      if (read === 0) throw invalid(location, "it became shorter while it was read");
      at += read;
    }
  } catch (error) {
    throw readError(error, location);
  }
  return data;
}

function invalid(
  location: string,
  why: string,
  next = "export the model again, or check that its files were copied whole",
  cause?: unknown,
): QuipuError {
  return new QuipuError("DATA_INVALID", `the model's external data ${location}: ${why}`, {
    next,
    ...(cause === undefined ? {} : { cause }),
    details: { file: location },
  });
}

function readError(error: unknown, location: string): unknown {
  if (error instanceof QuipuError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ERR_INVALID_ARG_VALUE") {
    const next = "copy all files of the model into one folder";
    return invalid(location, "there is no such file", next, error);
  }
  if (code === "ELOOP") return invalid(location, "its links lead in a circle", undefined, error);
  return QuipuError.from(error);
}
