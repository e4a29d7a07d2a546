/**
 * Passes calls on to another server of the same services, of any kind and both ways at the pace of
 * the slower side: a message is read only when the one before it was taken. The caller's deadline and
 * its leaving are passed on; so are the other side's errors.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import { type Channel, clientMethod, connect } from "./client.js";
import type { TlsCredentials } from "./credentials.js";
import { rpcLimits } from "./rpc-limits.js";
import type { AnyMessage, AnyMessages, CallContext, CallOptions } from "./service.js";

/** One connection carries `streamsPerConnectionMax` calls; the rest would wait for one to end. */
const callsPerLaneMax = rpcLimits.streamsPerConnectionMax / 4;

interface Lane {
  readonly channel: Channel;
  calls: number;
}

export class Relay {
  readonly address: string;
  readonly #credentials: TlsCredentials | undefined;
  readonly #lanes: Lane[] = [];
  #closed: QuipuError | undefined;

  constructor(address: string, credentials?: TlsCredentials) {
    this.address = address;
    this.#credentials = credentials;
  }

  /** Answers a call by what the other server answers; to be used as a handler of the method. */
  pass(method: DescMethod, said: AnyMessage | AnyMessages, context: CallContext) {
    const lane = this.#lane();
    const call = clientMethod(lane.channel.dialled(method)) as (
      said: AnyMessage | AnyMessages,
      options: CallOptions,
    ) => Promise<AnyMessage> | AnyMessages;
    const { signal, deadlineMs } = context;
    const isUnary = method.methodKind === "unary";
    const withinMs = deadlineMs ?? (isUnary ? rpcLimits.serverDeadlineMs : undefined);
    lane.calls += 1;
    const answer = call(said, {
      signal,
      relayed: true,
      ...(withinMs === undefined ? {} : { deadlineMs: withinMs }),
    });
    const failed = (thrown: unknown): never => {
      throw this.#retold(QuipuError.from(thrown));
    };
    const done = (): void => {
      lane.calls -= 1;
    };
    return answer instanceof Promise
      ? answer.catch(failed).finally(done)
      : counted(answer, failed, done);
  }

  /** Ends the calls in flight with `reason`, and all that come. */
  close(reason: QuipuError): void {
    this.#closed ??= reason;
    for (const { channel } of this.#lanes) channel.close(reason);
  }

  /** That the other side is silent is told as what it means here. */
  #retold(error: QuipuError): QuipuError {
    if (error.code !== "UNAVAILABLE" || error.details?.address !== this.address) return error;
    return new QuipuError("UNAVAILABLE", `the leading coordinator at ${this.address} is silent`, {
      next: "try again in a few seconds: another one follows when its lease has run out",
      cause: error,
    });
  }

  #lane(): Lane {
    if (this.#closed !== undefined) throw this.#closed;
    const free = this.#lanes.find(({ calls }) => calls < callsPerLaneMax);
    if (free !== undefined) return free;
    const credentials = this.#credentials === undefined ? {} : { credentials: this.#credentials };
    const lane = { channel: connect(this.address, credentials), calls: 0 };
    this.#lanes.push(lane);
    return lane;
  }
}

async function* counted(
  answers: AnyMessages,
  failed: (thrown: unknown) => never,
  done: () => void,
): AnyMessages {
  try {
    yield* answers;
  } catch (thrown) {
    failed(thrown);
  } finally {
    done();
  }
}
