/**
 * Several servers that give the same answers. A client stays with one for as long as it answers, then
 * goes on to the next, round and round until the call's time is up. A call may reach two of them, so
 * it must be one that may be asked twice.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { type ErrorCode, QuipuError } from "../../base/errors.js";
import { type Channel, client, clientMethod, connect } from "./client.js";
import { rpcLimits } from "./rpc-limits.js";
import type { AnyMessage, CallOptions, Client } from "./service.js";

/** What one of several may say while another would answer. */
const notHere: readonly ErrorCode[] = ["UNAVAILABLE", "FENCED"];
/** One that cannot be reached within this time is passed over. */
const readyMs = 2_000;
/** Between two rounds. */
const pauseMs = 200;

export class Ring {
  readonly #channels: readonly Channel[];
  #at = 0;

  constructor(addresses: readonly string[]) {
    const isWatched = addresses.length > 1;
    this.#channels = addresses.map((address) => connect(address, { isWatched }));
  }

  /** Undefined when there are several. */
  get only(): Channel | undefined {
    return this.#channels.length === 1 ? this.#channels[0] : undefined;
  }

  get current(): Channel {
    return this.#channels[this.#at % this.#channels.length] as Channel;
  }

  /** Resolves when the next one may be asked; throws what cannot be helped. */
  async pass(channel: Channel, thrown: unknown, turn: number, endsAtMs: number): Promise<void> {
    const isLast = performance.now() + pauseMs >= endsAtMs;
    if (isLast || !notHere.includes(QuipuError.from(thrown).code)) throw thrown;
    if (this.current === channel) this.#at += 1; // else another call has done so
    if (turn % this.#channels.length === 0) await delay(pauseMs);
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }
}

/** The service's methods as functions; those with a stream of requests stay with one server. */
export function clientOfAny<S extends DescService>(ring: Ring, service: S): Client<S> {
  if (ring.only !== undefined) return client(ring.only, service);
  const methods: Record<string, unknown> = {};
  for (const method of service.methods) methods[method.localName] = methodOfAny(ring, method);
  return methods as Client<S>;
}

type Call<Answer> = (said: AnyMessage, options: CallOptions) => Answer;

function methodOfAny(ring: Ring, method: DescMethod): unknown {
  const call = (channel: Channel) => clientMethod(channel.dialled(method));
  switch (method.methodKind) {
    case "unary":
      return (request: AnyMessage, options: CallOptions = {}) =>
        askAny(ring, (channel) => call(channel) as Call<Promise<Message>>, request, options);
    case "server_streaming":
      return (request: AnyMessage, options: CallOptions = {}) =>
        hearAny(ring, (channel) => call(channel) as Call<AsyncIterable<Message>>, request, options);
    default:
      return (requests: AnyMessage, options: CallOptions = {}) =>
        (call(ring.current) as Call<unknown>)(requests, options);
  }
}

async function askAny(
  ring: Ring,
  call: (channel: Channel) => Call<Promise<Message>>,
  request: AnyMessage,
  options: CallOptions,
): Promise<Message> {
  const endsAtMs = performance.now() + (options.deadlineMs ?? rpcLimits.clientDeadlineMs);
  for (let turn = 1; ; turn += 1) {
    const channel = ring.current;
    const deadlineMs = Math.max(1, endsAtMs - performance.now());
    try {
      return await call(channel)(request, { ...reachable(channel, options), deadlineMs });
    } catch (thrown) {
      await ring.pass(channel, thrown, turn, endsAtMs);
    }
  }
}

/** Another one is asked only while none has said anything. */
async function* hearAny(
  ring: Ring,
  call: (channel: Channel) => Call<AsyncIterable<Message>>,
  request: AnyMessage,
  options: CallOptions,
): AsyncGenerator<Message> {
  const endsAtMs = performance.now() + rpcLimits.clientDeadlineMs;
  for (let turn = 1; ; turn += 1) {
    const channel = ring.current;
    let heard = false;
    try {
      for await (const answer of call(channel)(request, reachable(channel, options))) {
        heard = true;
        yield answer;
      }
      return;
    } catch (thrown) {
      if (heard) throw thrown;
      await ring.pass(channel, thrown, turn, endsAtMs);
    }
  }
}

/** Options that also end the call when its server cannot be reached in time. */
function reachable(channel: Channel, options: CallOptions): CallOptions {
  const silent = new AbortController();
  channel.ready(readyMs).catch((thrown: unknown) => silent.abort(thrown));
  const signals = [silent.signal, ...(options.signal === undefined ? [] : [options.signal])];
  return { ...options, signal: AbortSignal.any(signals) };
}
