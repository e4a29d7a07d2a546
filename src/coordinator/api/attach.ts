import { AsyncQueue } from "../../base/async-queue.js";
import type { AttachRequest, AttachResponse, AttachService } from "../../gen/quipu/v1/attach_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { AgentStream, Coordinator } from "../coordinator.js";

/** Messages that may wait for one agent; an agent that is so far behind is cut and dials again. */
const messagesWaitingMax = 4096;
/** Messages of one agent that are being dealt with; no further one is read meanwhile. */
const messagesUnderWayMax = 1024;

export function attach(coordinator: Coordinator): Handlers<typeof AttachService>["attach"] {
  return async function* (requests, { signal }) {
    const outgoing = new AsyncQueue<AttachResponse>(messagesWaitingMax);
    const stream = coordinator.open({
      send: (message) => {
        // The writer below may hang in a peer that reads nothing, and would not notice.
        if (!outgoing.push(message)) close();
      },
      close: () => outgoing.end(),
    });
    const close = () => stream.close();
    signal.addEventListener("abort", close, { once: true });
    void listen(requests, stream).catch((thrown: unknown) => {
      // A stream that is over already ended with its own status; else this is why it ends.
      outgoing.fail(thrown);
      close();
    });
    try {
      yield* outgoing;
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  };
}

async function listen(requests: AsyncIterable<AttachRequest>, stream: AgentStream): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for await (const request of requests) {
    const dealtWith = stream.receive(request).finally(() => underWay.delete(dealtWith));
    underWay.add(dealtWith);
    if (underWay.size >= messagesUnderWayMax) await Promise.race(underWay);
  }
  stream.close();
}
