/**
 * Reads what a worker process says. A worker parses models and data that strangers made, so it may say
 * anything; nothing it says is used before it has been checked here.
 */
import { isDigest } from "../base/bytes.js";
import { type ErrorJson, isErrorCode, QuipuError } from "../base/errors.js";
import type { Artifact } from "../model/artifact.js";
import { relativePath } from "../model/name.js";
import type { RunResult } from "../model/run.js";
import type { WorkerReply } from "../model/worker-message.js";

const outputsMax = 256;
const textMax = 2_000;
const backendsMax = 16;

type Fields = Readonly<Record<string, unknown>>;

/** Throws INTERNAL for anything that is no reply. */
export function parseReply(message: unknown): WorkerReply {
  const reply = fields(message);
  switch (reply.kind) {
    case "ready":
      return {
        kind: "ready",
        device: text(reply.device),
        backends: list(reply.backends, backendsMax).map(text),
        ...(reply.model === undefined ? {} : { model: text(reply.model) }),
        ...(reply.memoryBytes === undefined ? {} : { memoryBytes: count(reply.memoryBytes) }),
        ...(reply.computeCapability === undefined
          ? {}
          : { computeCapability: text(reply.computeCapability) }),
      };
    case "progress":
      return {
        kind: "progress",
        runId: text(reply.runId),
        progress: count(reply.progress),
        activity: text(reply.activity),
      };
    case "done":
      return {
        kind: "done",
        runId: text(reply.runId),
        result: result(fields(reply.result)),
        cpuMs: count(reply.cpuMs),
        inputBytes: Math.round(count(reply.inputBytes)),
      };
    case "failed":
      return { kind: "failed", runId: text(reply.runId), error: error(fields(reply.error)) };
    default:
      throw malformed("kind");
  }
}

function result(value: Fields): RunResult {
  const { determinism } = value;
  if (determinism !== "bitwise" && determinism !== "none") throw malformed("determinism");
  return {
    outputs: list(value.outputs, outputsMax).map((one) => output(fields(one))),
    device: text(value.device),
    backend: text(value.backend),
    determinism,
    arithmetic: text(value.arithmetic),
  };
}

function output(value: Fields): Artifact {
  const [name, digest, blake3] = [text(value.name), text(value.digest), text(value.blake3)];
  // The name becomes a file name here and at whoever downloads it.
  if (name.includes("/") || !relativePath.safeParse(name).success) throw malformed("output name");
  if (!isDigest(digest) || !/^[0-9a-f]{64}$/.test(blake3)) throw malformed("output digest");
  const sizeBytes = Math.round(count(value.sizeBytes));
  return { name, digest, blake3, sizeBytes, mediaType: text(value.mediaType) };
}

function error(value: Fields): ErrorJson {
  const code = text(value.code);
  const message = text(value.message);
  const next = value.next === undefined ? {} : { next: text(value.next) };
  return new QuipuError(isErrorCode(code) ? code : "INTERNAL", message, next).toJSON();
}

function fields(value: unknown): Fields {
  if (typeof value === "object" && value !== null) return value as Fields;
  throw malformed("object");
}

function list(value: unknown, lengthMax: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= lengthMax) return value;
  throw malformed("list");
}

function text(value: unknown): string {
  if (typeof value === "string") return value.slice(0, textMax).toWellFormed();
  throw malformed("text");
}

function count(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw malformed("number");
}

function malformed(what: string): QuipuError {
  return new QuipuError("INTERNAL", `the worker process sent a message with a bad ${what}`);
}
