/**
 * The typed bridge: from a generated service descriptor to the shapes of its handlers and of its
 * client. grpc-js sees bytes only; messages are coded in `codec.ts`, where size and form are
 * checked and get a code of their own.
 */
import type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/** What a handler knows of the call it answers. */
export interface CallContext {
  /** Aborts when the caller cancels or leaves, its deadline passes, or the server stops. */
  readonly signal: AbortSignal;
  /** The caller's address; `unix` for a unix socket. */
  readonly peer: string;
  /** How long the caller was still willing to wait when the call arrived. */
  readonly deadlineMs?: number;
  /** Another server passed this call on; it is not passed on again. */
  readonly relayed?: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Unary calls have a default; streams live until one side ends them, unless this is given. */
  readonly deadlineMs?: number;
  /** Says that this call is another one passed on. */
  readonly relayed?: boolean;
}

/** Metadata entry of a call that was passed on. Frozen. */
export const relayedKey = "quipu-relayed";

type In<M extends DescMethod> = MessageShape<M["input"]>;
type InInit<M extends DescMethod> = MessageInitShape<M["input"]>;
type Out<M extends DescMethod> = MessageShape<M["output"]>;
type OutInit<M extends DescMethod> = MessageInitShape<M["output"]>;

export type Handler<M extends DescMethod> = M extends { methodKind: "unary" }
  ? (request: In<M>, context: CallContext) => Promise<OutInit<M>>
  : M extends { methodKind: "server_streaming" }
    ? (request: In<M>, context: CallContext) => AsyncIterable<OutInit<M>>
    : M extends { methodKind: "client_streaming" }
      ? (requests: AsyncIterable<In<M>>, context: CallContext) => Promise<OutInit<M>>
      : (requests: AsyncIterable<In<M>>, context: CallContext) => AsyncIterable<OutInit<M>>;

/** One handler for each method of the service, named as in the descriptor (`submitJobs`). */
export type Handlers<S extends DescService> = {
  readonly [Name in keyof S["method"]]: Handler<S["method"][Name]>;
};

export type ClientMethod<M extends DescMethod> = M extends { methodKind: "unary" }
  ? (request: InInit<M>, options?: CallOptions) => Promise<Out<M>>
  : M extends { methodKind: "server_streaming" }
    ? (request: InInit<M>, options?: CallOptions) => AsyncIterable<Out<M>>
    : M extends { methodKind: "client_streaming" }
      ? (requests: AsyncIterable<InInit<M>>, options?: CallOptions) => Promise<Out<M>>
      : (requests: AsyncIterable<InInit<M>>, options?: CallOptions) => AsyncIterable<Out<M>>;

export type Client<S extends DescService> = {
  readonly [Name in keyof S["method"]]: ClientMethod<S["method"][Name]>;
};

/** The same shapes with the descriptor's types forgotten; only this room sees them. */
export type AnyMessage = MessageInitShape<DescMessage>;
export type AnyMessages = AsyncIterable<AnyMessage>;
export type OneToOne = (request: AnyMessage, context: CallContext) => Promise<AnyMessage>;
export type OneToMany = (request: AnyMessage, context: CallContext) => AnyMessages;
export type ManyToOne = (requests: AnyMessages, context: CallContext) => Promise<AnyMessage>;
export type ManyToMany = (requests: AnyMessages, context: CallContext) => AnyMessages;
export type AnyHandler = OneToOne | OneToMany | ManyToOne | ManyToMany;

export interface Binding {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
}

/** A service and the handlers that answer it, ready for `serve`. */
export function bind<S extends DescService>(service: S, handlers: Handlers<S>): Binding {
  return { service, handlers: handlers as unknown as Readonly<Record<string, AnyHandler>> };
}

export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
