/** The life of one call on the server: its context, what ends it early, and how it fails. */
import { randomBytes } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ServerUnaryCall } from "@grpc/grpc-js";
import { QuipuError } from "../../base/errors.js";
import { newId } from "../../base/ids.js";
import { Ending } from "./ending.js";
import { rpcLimits } from "./rpc-limits.js";
import { type CallContext, methodPath, relayedKey } from "./service.js";
import { toStatus, type WireStatus } from "./status.js";

/** An error that no code threw on purpose; its id is all that the caller learns of it. */
export interface Fault {
  readonly id: string;
  readonly method: string;
  readonly error: unknown;
}

/** What the four kinds of grpc-js calls have in common. */
export type SurfaceCall = EventEmitter &
  Pick<ServerUnaryCall<Buffer, Buffer>, "getPeer" | "getDeadline" | "metadata">;

/** Calls in flight of one server, and where their faults go. */
export class ServerCalls {
  readonly #inFlight = new Set<ServerCall>();
  readonly #onFault: (fault: Fault) => void;

  constructor(onFault: (fault: Fault) => void) {
    this.#onFault = onFault;
  }

  open(surface: SurfaceCall, method: DescMethod): ServerCall {
    const call = new ServerCall(surface, method, this);
    this.#inFlight.add(call);
    return call;
  }

  delete(call: ServerCall): void {
    this.#inFlight.delete(call);
  }

  /** Ends what would never end by itself (streams); unary calls only when `all`. */
  stop(all: boolean): void {
    for (const call of this.#inFlight) {
      if (all || call.method.methodKind !== "unary") call.abort(stopping);
    }
  }

  /** The status that an error crosses with. */
  status(thrown: unknown, method: DescMethod): WireStatus {
    if (thrown instanceof QuipuError) return toStatus(thrown);
    const id = newId("err", { bytes: (count) => randomBytes(count) });
    this.#onFault({ id, method: methodPath(method), error: thrown });
    const { code } = QuipuError.from(thrown);
    return toStatus(
      new QuipuError(code, `the server could not complete ${method.name} (${id})`, {
        next: `look for ${id} in the server's log`,
        details: { fault: id },
      }),
    );
  }
}

export class ServerCall {
  readonly method: DescMethod;
  readonly context: CallContext;
  /** Cancelled, late, or the server stops. */
  readonly aborted = new Ending();
  /** At an end in any way: nothing more will be read from its caller. */
  readonly over = new Ending();
  readonly #calls: ServerCalls;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(surface: SurfaceCall, method: DescMethod, calls: ServerCalls) {
    this.method = method;
    this.#calls = calls;
    const deadline = Number(surface.getDeadline());
    const bounded = Number.isFinite(deadline);
    const { aborted } = this;
    let signal: AbortSignal | undefined;
    this.context = {
      get signal() {
        signal ??= signalOf(aborted); // most handlers never look
        return signal;
      },
      peer: peerName(surface.getPeer()),
      relayed: surface.metadata.get(relayedKey).length > 0,
      ...(bounded ? { deadlineMs: Math.max(0, deadline - Date.now()) } : {}),
    };
    // grpc-js answers a passed deadline itself and says `cancelled` for it too.
    surface.once("cancelled", () => {
      if (this.#ended) return;
      const late = bounded && Date.now() >= deadline;
      this.abort(() => (late ? deadlinePassed(method) : left(method)));
      this.end();
    });
    if (!bounded && method.methodKind === "unary") {
      this.#timer = setTimeout(
        () => this.abort(() => deadlinePassed(method)),
        rpcLimits.serverDeadlineMs,
      );
    }
  }

  abort(makeReason: () => QuipuError): void {
    if (this.#ended) return;
    this.aborted.end(makeReason);
    this.over.end(makeReason);
  }

  /** The status is decided: nothing aborts this call any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#calls.delete(this);
    this.over.end(() => new QuipuError("CANCELLED", `${this.method.name} is over`));
  }

  status(thrown: unknown): WireStatus {
    return this.#calls.status(thrown, this.method);
  }
}

function signalOf(ending: Ending): AbortSignal {
  const controller = new AbortController();
  ending.onEnd(() => controller.abort(ending.reason));
  return controller.signal;
}

function stopping(): QuipuError {
  return new QuipuError("UNAVAILABLE", "the server is stopping", { next: "dial again" });
}

function deadlinePassed(method: DescMethod): QuipuError {
  return new QuipuError("DEADLINE_EXCEEDED", `the deadline of ${method.name} passed`, {
    next: "try again, or allow it more time",
  });
}

function left(method: DescMethod): QuipuError {
  return new QuipuError("CANCELLED", `the caller of ${method.name} cancelled it or left`);
}

function peerName(peer: string): string {
  return /^\S+:\d+$/.test(peer) ? peer : "unix";
}
