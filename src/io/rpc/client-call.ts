/**
 * One call from the client's side. A call starts when its method is called, not when its answer is
 * first read; it ends with its status, by its signal, or when the reader of its answers leaves.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  type ClientDuplexStream,
  type Client as GrpcClient,
  Metadata,
  type StatusObject,
  status as statusNumbers,
} from "@grpc/grpc-js";
import { QuipuError } from "../../base/errors.js";
import { abortError } from "../../base/until-abort.js";
import { decode, encode, identity } from "./codec.js";
import { Ending } from "./ending.js";
import { rpcLimits } from "./rpc-limits.js";
import {
  type AnyMessage,
  type AnyMessages,
  type CallOptions,
  methodPath,
  relayedKey,
} from "./service.js";
import { fromStatus } from "./status.js";
import { drained } from "./stream.js";

/** A method of a server that a channel leads to. */
export interface Dialled {
  readonly grpc: GrpcClient;
  readonly address: string;
  /** Aborts when the channel is closed. */
  readonly closed: AbortSignal;
  readonly method: DescMethod;
}

export function callUnary(
  dialled: Dialled,
  request: AnyMessage,
  options: CallOptions,
): Promise<Message> {
  const { grpc, address, method } = dialled;
  return new Promise((resolve, reject) => {
    const bytes = encode(method.input, request);
    const deadline = Date.now() + (options.deadlineMs ?? rpcLimits.clientDeadlineMs);
    let stopped = reasonToStop(dialled, options);
    if (stopped !== undefined) throw stopped; // never sent
    const path = methodPath(method);
    const answered = (error: StatusObject | null, answer?: Buffer): void => {
      release();
      if (error === null) resolve(decode(method.output, answer ?? Buffer.of(), "DATA_INVALID"));
      else reject(stopped ?? fromStatus(error, address, path));
    };
    const call = grpc.makeUnaryRequest(
      path,
      identity,
      identity,
      bytes,
      metadataOf(options),
      { deadline },
      (...result) => attempt(() => answered(...result), reject),
    );
    const release = onStop(dialled, options, (reason) => {
      stopped = reason;
      call.cancel();
    });
  });
}

/** Also a client-streaming call: those differ from bidirectional ones in their answers' number. */
export function callStream(
  dialled: Dialled,
  requests: AnyMessages,
  options: CallOptions,
): AsyncIterable<Message> {
  const { grpc, method } = dialled;
  const before = reasonToStop(dialled, options);
  if (before !== undefined) return failed(before); // never sent
  const call = grpc.makeBidiStreamRequest(
    methodPath(method),
    identity,
    identity,
    metadataOf(options),
    options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
  );
  const over = new Ending();
  let stopped: unknown;
  const stop = (reason: unknown): void => {
    stopped ??= reason;
    call.cancel();
  };
  call.on("error", () => {}); // the status that follows it says the same, and comes always
  const ended = new Promise<StatusObject>((resolve) => call.once("status", resolve));
  const release = onStop(dialled, options, stop);
  void ended.then(() => {
    release();
    over.end(() => new QuipuError("CANCELLED", `${method.name} is over`));
  });
  sendAll(call, method, requests, over).catch((failure: unknown) => {
    if (!over.ended) stop(failure);
  });
  return answersOf(call, dialled, ended, () => stopped);
}

export async function onlyAnswer(answers: AsyncIterable<Message>, method: DescMethod) {
  let only: Message | undefined;
  for await (const answer of answers) only = answer;
  if (only !== undefined) return only;
  throw new QuipuError("DATA_INVALID", `${methodPath(method)} ended without an answer`);
}

async function sendAll(
  call: ClientDuplexStream<Buffer, Buffer>,
  method: DescMethod,
  requests: AnyMessages,
  over: Ending,
): Promise<void> {
  const source = requests[Symbol.asyncIterator]();
  over.onEnd(() => void source.return?.());
  for (;;) {
    const step = await source.next();
    if (over.ended) return;
    if (step.done === true) {
      call.end();
      return;
    }
    if (!call.write(encode(method.input, step.value))) await drained(call, over);
  }
}

async function* answersOf(
  call: ClientDuplexStream<Buffer, Buffer>,
  dialled: Dialled,
  ended: Promise<StatusObject>,
  stopped: () => unknown,
): AsyncGenerator<Message> {
  const chunks = call.iterator({ destroyOnReturn: false });
  const path = methodPath(dialled.method);
  let done = false;
  try {
    for (;;) {
      // A failed read is a failed call; its status is the better account of it.
      const step = await chunks.next().catch(() => ({ done: true as const, value: undefined }));
      if (step.done === true) break;
      yield decode(dialled.method.output, step.value, "DATA_INVALID");
    }
    const status = await ended;
    done = true;
    if (status.code === statusNumbers.OK) return;
    throw stopped() ?? fromStatus(status, dialled.address, path);
  } finally {
    if (!done) call.cancel();
  }
}

function metadataOf({ relayed }: CallOptions): Metadata {
  const metadata = new Metadata();
  if (relayed === true) metadata.set(relayedKey, "1");
  return metadata;
}

/** Listens to the caller's signal and to the channel; the returned function stops listening. */
function onStop(
  dialled: Dialled,
  options: CallOptions,
  stop: (reason: QuipuError) => void,
): () => void {
  const listener = (): void => {
    const reason = reasonToStop(dialled, options);
    if (reason !== undefined) stop(reason);
  };
  const signals = [dialled.closed, options.signal];
  for (const signal of signals) signal?.addEventListener("abort", listener, { once: true });
  return () => {
    for (const signal of signals) signal?.removeEventListener("abort", listener);
  };
}

function reasonToStop(dialled: Dialled, options: CallOptions): QuipuError | undefined {
  const { closed, method } = dialled;
  const signal = [closed, options.signal].find((candidate) => candidate?.aborted);
  return signal === undefined ? undefined : abortError(signal, method.name);
}

async function* failed(error: QuipuError): AsyncGenerator<Message> {
  yield* [];
  throw error;
}

function attempt(action: () => void, onError: (error: unknown) => void): void {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}
