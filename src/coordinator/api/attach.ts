import { AsyncQueue } from "../../base/async-queue.js";
import type { AttachResponse, AttachService } from "../../gen/quipu/v1/attach_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Coordinator } from "../coordinator.js";

/** Messages that may wait for one agent; an agent that is so far behind is cut and dials again. */
const messagesWaitingMax = 4096;

export function attach(coordinator: Coordinator): Handlers<typeof AttachService>["attach"] {
  return async function* (requests, { signal }) {
    const outgoing = new AsyncQueue<AttachResponse>(messagesWaitingMax);
    const stream = coordinator.open({
      send: (message) => void outgoing.push(message),
      close: () => outgoing.end(),
    });
    const close = () => stream.close();
    signal.addEventListener("abort", close, { once: true });
    const listening = (async () => {
      try {
        for await (const request of requests) await stream.receive(request);
      } finally {
        close();
      }
    })();
    // The reader of a cut stream throws; the responses below have ended by then.
    listening.catch(() => {});
    try {
      yield* outgoing;
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  };
}
