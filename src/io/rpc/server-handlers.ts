/** Adapts typed handlers to grpc-js, one function for each kind of method. */
import type { Readable, Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { decode, encode } from "./codec.js";
import type { ServerCall, ServerCalls } from "./server-call.js";
import type {
  AnyHandler,
  AnyMessage,
  AnyMessages,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
} from "./service.js";
import { drained } from "./stream.js";

export function adapt(
  method: DescMethod,
  handler: AnyHandler,
  calls: ServerCalls,
): UntypedHandleCall {
  switch (method.methodKind) {
    case "unary":
      return oneToOne(method, handler as OneToOne, calls);
    case "server_streaming":
      return oneToMany(method, handler as OneToMany, calls);
    case "client_streaming":
      return manyToOne(method, handler as ManyToOne, calls);
    case "bidi_streaming":
      return manyToMany(method, handler as ManyToMany, calls);
  }
}

function oneToOne(method: DescMethod, handler: OneToOne, calls: ServerCalls) {
  const handle: handleUnaryCall<Buffer, Buffer> = (surface, callback) => {
    const call = calls.open(surface, method);
    answerOnce(call, callback, async () => {
      return await handler(decode(method.input, surface.request, "INVALID_ARGUMENT"), call.context);
    });
  };
  return handle;
}

function manyToOne(method: DescMethod, handler: ManyToOne, calls: ServerCalls) {
  const handle: handleClientStreamingCall<Buffer, Buffer> = (surface, callback) => {
    const call = calls.open(surface, method);
    answerOnce(call, callback, async () => {
      return await handler(requestsOf(surface, call), call.context);
    });
  };
  return handle;
}

function oneToMany(method: DescMethod, handler: OneToMany, calls: ServerCalls) {
  const handle: handleServerStreamingCall<Buffer, Buffer> = (surface) => {
    const call = calls.open(surface, method);
    void answerMany(call, surface, () => {
      return handler(decode(method.input, surface.request, "INVALID_ARGUMENT"), call.context);
    });
  };
  return handle;
}

function manyToMany(method: DescMethod, handler: ManyToMany, calls: ServerCalls) {
  const handle: handleBidiStreamingCall<Buffer, Buffer> = (surface) => {
    const call = calls.open(surface, method);
    void answerMany(call, surface, () => handler(requestsOf(surface, call), call.context));
  };
  return handle;
}

/** An aborted call is answered at once; what its handler still returns is dropped. */
function answerOnce(
  call: ServerCall,
  callback: sendUnaryData<Buffer>,
  answer: () => Promise<AnyMessage>,
): void {
  const respond = async (): Promise<Buffer> => encode(call.method.output, await answer());
  call.aborted.before(respond()).then(
    (bytes) => {
      call.end();
      callback(null, bytes);
    },
    (thrown: unknown) => {
      call.end();
      callback(call.status(thrown));
    },
  );
}

/** Never rejects: each way out ends the call with a status. */
async function answerMany(
  call: ServerCall,
  surface: Writable,
  answer: () => AnyMessages,
): Promise<void> {
  let responses: AsyncIterator<AnyMessage> | undefined;
  try {
    responses = answer()[Symbol.asyncIterator]();
    for (;;) {
      const step = await call.aborted.before(responses.next());
      if (step.done === true) break;
      const bytes = encode(call.method.output, step.value);
      if (!surface.write(bytes)) await drained(surface, call.aborted);
    }
    call.end();
    surface.end();
  } catch (thrown) {
    const status = call.status(thrown);
    call.end();
    surface.emit("error", status); // grpc-js' way to end a stream with a status
    // The handler may wait for something that never comes; its end is not waited for.
    responses?.return?.().catch((late: unknown) => call.status(late));
  }
}

/** Ends when the caller has said all; throws when the call is over before. */
async function* requestsOf(surface: Readable, call: ServerCall): AsyncGenerator<Message> {
  const chunks = surface.iterator({ destroyOnReturn: false });
  for (;;) {
    const step = await call.over.before(chunks.next());
    if (step.done === true) {
      // A cancelled stream also reads as ended; that it was cancelled is told a moment later.
      await setImmediate();
      if (call.over.ended) throw call.over.reason;
      return;
    }
    yield decode(call.method.input, step.value, "INVALID_ARGUMENT");
  }
}
