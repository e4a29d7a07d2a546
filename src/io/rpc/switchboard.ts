/**
 * Services that somebody else answers from time to time: a server is started with the switchboard's
 * bindings once, and each call goes to whoever answers when it comes. Calls of one who answers no
 * more are ended by whoever changes it: a relay's by its end here, handlers' own by their owner.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import { Relay } from "./relay.js";
import type { AnyHandler, AnyMessage, AnyMessages, Binding, CallContext } from "./service.js";

type Answering =
  /** Nobody does; the text says why. */
  | { readonly by: "nobody"; readonly why: string }
  | { readonly by: "relay"; readonly relay: Relay; readonly own: readonly Binding[] }
  | { readonly by: "handlers"; readonly bindings: readonly Binding[] };

export class Switchboard {
  /** To be served; the same for as long as the switchboard lives. */
  readonly bindings: readonly Binding[];
  #answering: Answering;

  constructor(services: readonly DescService[], why: string) {
    this.#answering = { by: "nobody", why };
    this.bindings = services.map((service) => ({
      service,
      handlers: Object.fromEntries(
        service.methods.map((method) => [method.localName, this.#handler(method)]),
      ),
    }));
  }

  /** Why nobody answers; nothing when somebody does. */
  get silence(): string | undefined {
    return this.#answering.by === "nobody" ? this.#answering.why : undefined;
  }

  refuse(why: string): void {
    this.#change({ by: "nobody", why });
  }

  /**
   * Nothing changes when calls are passed on to that address already. Those of the services in `own` are
   * not: they are answered here.
   */
  relayTo(address: string, own: readonly Binding[] = []): void {
    const now = this.#answering;
    if (now.by === "relay" && now.relay.address === address) return;
    this.#change({ by: "relay", relay: new Relay(address), own });
  }

  answerWith(bindings: readonly Binding[]): void {
    this.#change({ by: "handlers", bindings });
  }

  #change(next: Answering): void {
    const before = this.#answering;
    this.#answering = next;
    if (before.by === "relay") before.relay.close(unavailable("leadership has moved"));
  }

  #handler(method: DescMethod): AnyHandler {
    const handler = (said: AnyMessage | AnyMessages, context: CallContext) => {
      const now = this.#answering;
      switch (now.by) {
        case "nobody":
          throw unavailable(now.why);
        case "relay":
          if (now.own.some((binding) => isOf(binding, method))) {
            return handlerOf(now.own, method)(said, context);
          }
          // Two that each take the other for the leader would send it round for ever.
          if (context.relayed === true) throw unavailable("leadership is moving");
          return now.relay.pass(method, said, context);
        case "handlers":
          return handlerOf(now.bindings, method)(said, context);
      }
    };
    return handler as AnyHandler;
  }
}

type Any = (said: AnyMessage | AnyMessages, context: CallContext) => unknown;

function handlerOf(bindings: readonly Binding[], method: DescMethod): Any {
  const binding = bindings.find((one) => isOf(one, method));
  const handler = binding?.handlers[method.localName];
  if (handler === undefined) throw new QuipuError("INTERNAL", `no handler for ${method.name}`);
  return handler as Any;
}

function isOf({ service }: Binding, method: DescMethod): boolean {
  return service.typeName === method.parent.typeName;
}

function unavailable(why: string): QuipuError {
  return new QuipuError("UNAVAILABLE", why, {
    next: "try again in a few seconds, or ask another coordinator",
  });
}
