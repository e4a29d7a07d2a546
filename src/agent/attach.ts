/**
 * Keeps the agent attached: dials, opens the one stream, carries messages both ways, and dials again
 * with back-off when it ends. Knows nothing of leases and runs; what a message means is the core's.
 */
import { setTimeout } from "node:timers/promises";
import { AsyncQueue } from "../base/async-queue.js";
import { QuipuError } from "../base/errors.js";
import { times } from "../base/limits.js";
import { type Random, randomInteger } from "../base/random.js";
import { untilAbort } from "../base/until-abort.js";
import { type AttachRequest, AttachService, type Welcome } from "../gen/quipu/v1/attach_pb.js";
import { type Channel, client, connect } from "../io/rpc/client.js";
import type { Agent } from "./agent.js";
import type { Link } from "./ports.js";

export interface AttachOptions {
  /** Of coordinators that share one store; whichever serves. */
  readonly addresses: readonly string[];
  readonly random: Random;
  /** Told why the stream ended or could not be opened, and when the next attempt is. */
  readonly observe: (error: QuipuError, retryMs: number) => void;
}

/** Messages that wait for a slow stream; a stream that falls further behind is given up. */
const queuedMax = 8_192;
/** So long an address may be silent: the only one, and each of several, of which another may serve. */
const readyMs = 5_000;
const readyMsOfSeveral = 1_500;

export class AttachLink implements Link {
  readonly #options: AttachOptions;
  readonly #channels: readonly Channel[];
  readonly #closed = new AbortController();
  #queue: AsyncQueue<AttachRequest> | undefined;
  #call: AbortController | undefined;
  #grantKey: Uint8Array | undefined;

  constructor(options: AttachOptions) {
    this.#options = options;
    this.#channels = options.addresses.map((address) => connect(address));
  }

  /** Key that signs download grants, from the newest welcome. */
  get grantKey(): Uint8Array | undefined {
    return this.#grantKey;
  }

  send(message: AttachRequest): void {
    this.#queue?.push(message);
  }

  drop(reason: string): void {
    this.#call?.abort(new QuipuError("UNAVAILABLE", `the stream was dropped: ${reason}`));
  }

  /** Attaches again and again until `close`. Never rejects. */
  async serve(agent: Agent): Promise<void> {
    let failures = 0;
    for (let turn = 0; !this.#closed.signal.aborted; turn += 1) {
      const channel = this.#channels[turn % this.#channels.length] as Channel;
      const thrown = await this.#stream(channel, agent, ({ grantKey }) => {
        this.#grantKey = grantKey;
        failures = 0;
      });
      if (this.#closed.signal.aborted) return;
      failures += 1;
      // To the next address at once; each round without success waits longer than the one before.
      const rounds = failures / this.#channels.length;
      const retryMs = this.#backOffMs(Number.isInteger(rounds) ? rounds - 1 : 0);
      this.#options.observe(thrown, retryMs);
      await setTimeout(retryMs, undefined, { signal: this.#closed.signal }).catch(() => {});
    }
  }

  close(): void {
    this.#closed.abort();
    this.drop("the agent ends");
    for (const channel of this.#channels) channel.close();
  }

  /** One stream from hello to end; answers with why it ended. */
  async #stream(
    channel: Channel,
    agent: Agent,
    attached: (welcome: Welcome) => void,
  ): Promise<QuipuError> {
    try {
      const silentMs = this.#channels.length === 1 ? readyMs : readyMsOfSeveral;
      await untilAbort(channel.ready(silentMs), this.#closed.signal);
    } catch (thrown) {
      return QuipuError.from(thrown);
    }
    const call = new AbortController();
    const queue = new AsyncQueue<AttachRequest>(queuedMax);
    this.#call = call;
    this.#queue = queue;
    try {
      const service = client(channel, AttachService);
      const responses = service.attach(queue, { signal: call.signal });
      agent.connected();
      for await (const response of responses) {
        if (response.message.case === "welcome") attached(response.message.value);
        agent.received(response);
      }
      return new QuipuError("UNAVAILABLE", "the coordinator closed the stream");
    } catch (thrown) {
      return QuipuError.from(thrown);
    } finally {
      queue.end();
      this.#queue = undefined;
      this.#call = undefined;
      agent.disconnected();
    }
  }

  /** Doubles up to the maximum; half of it is chance, so that a fleet does not come back at once. */
  #backOffMs(failures: number): number {
    const { attachRetryMsMin, attachRetryMsMax } = times;
    const fullMs = Math.min(attachRetryMsMax, attachRetryMsMin * 2 ** Math.min(failures, 16));
    return Math.round(fullMs / 2) + randomInteger(this.#options.random, Math.round(fullMs / 2) + 1);
  }
}
