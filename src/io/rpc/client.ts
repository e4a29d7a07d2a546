/** Dials a server: one connection a channel, found again by itself when it is lost. */
import { setMaxListeners } from "node:events";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Client as GrpcClient } from "@grpc/grpc-js";
import { formatEndpoint, parseEndpoint, requireLocalEndpoint } from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";
import { callStream, callUnary, type Dialled, onlyAnswer } from "./client-call.js";
import { channelCredentials, type TlsCredentials } from "./credentials.js";
import { clientOptions, quietUnlessAsked, watchedOptions } from "./rpc-limits.js";
import type { AnyMessage, AnyMessages, CallOptions, Client } from "./service.js";
import { unreachable } from "./status.js";

export interface ConnectOptions {
  readonly credentials?: TlsCredentials;
  /** Finds within seconds that a peer has vanished during a call: where another one would answer. */
  readonly isWatched?: boolean;
}

export class Channel {
  readonly address: string;
  readonly #grpc: GrpcClient;
  readonly #closed = new AbortController();

  constructor(address: string, { credentials, isWatched = false }: ConnectOptions = {}) {
    const endpoint = parseEndpoint(address);
    if (credentials === undefined) requireLocalEndpoint(endpoint, "dial");
    this.address = formatEndpoint(endpoint);
    quietUnlessAsked();
    setMaxListeners(0, this.#closed.signal); // one for each call in flight
    const options = isWatched ? { ...clientOptions, ...watchedOptions } : clientOptions;
    this.#grpc = new GrpcClient(this.address, channelCredentials(credentials), options);
  }

  /** Resolves when the server answers; UNAVAILABLE when it does not within `deadlineMs`. */
  ready(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#closed.signal.throwIfAborted();
      this.#grpc.waitForReady(Date.now() + deadlineMs, (error) => {
        if (error === undefined) return resolve();
        reject(unreachable(this.address, `nothing answered within ${deadlineMs} ms`));
      });
    });
  }

  /** Ends the calls in flight with `reason`. */
  close(reason = new QuipuError("CANCELLED", `the channel to ${this.address} was closed`)): void {
    this.#closed.abort(reason);
    this.#grpc.close();
  }

  /** For this room. */
  dialled(method: DescMethod): Dialled {
    return { grpc: this.#grpc, address: this.address, closed: this.#closed.signal, method };
  }
}

export function connect(address: string, options: ConnectOptions = {}): Channel {
  return new Channel(address, options);
}

/** The service's methods as functions. */
export function client<S extends DescService>(channel: Channel, service: S): Client<S> {
  const methods: Record<string, unknown> = {};
  for (const method of service.methods) {
    methods[method.localName] = clientMethod(channel.dialled(method));
  }
  return methods as Client<S>;
}

/** For this room. */
export function clientMethod(dialled: Dialled) {
  const { method } = dialled;
  switch (method.methodKind) {
    case "unary":
      return (request: AnyMessage, options: CallOptions = {}) =>
        callUnary(dialled, request, options);
    case "server_streaming":
      return (request: AnyMessage, options: CallOptions = {}) =>
        callStream(dialled, one(request), options);
    case "client_streaming":
      return (requests: AnyMessages, options: CallOptions = {}) =>
        onlyAnswer(callStream(dialled, requests, options), method);
    case "bidi_streaming":
      return (requests: AnyMessages, options: CallOptions = {}) =>
        callStream(dialled, requests, options);
  }
}

async function* one(request: AnyMessage): AnyMessages {
  yield request;
}
