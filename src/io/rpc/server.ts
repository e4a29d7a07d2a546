/** Serves bindings on one address: loopback or a unix socket, or anywhere with TLS. */
import { type MethodDefinition, Server, type UntypedHandleCall } from "@grpc/grpc-js";
import { parseEndpoint, requireLocalEndpoint } from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";
import { identity } from "./codec.js";
import { serverCredentials, type TlsCredentials } from "./credentials.js";
import { Listener } from "./listener.js";
import { quietUnlessAsked, rpcLimits, serverOptions } from "./rpc-limits.js";
import { type Fault, ServerCalls } from "./server-call.js";
import { adapt } from "./server-handlers.js";
import { type Binding, methodPath } from "./service.js";

export interface ServeOptions {
  /** `127.0.0.1:PORT` (0 = any free port) or `unix:/PATH`. */
  readonly listen: string;
  readonly services: readonly Binding[];
  readonly credentials?: TlsCredentials;
  /** Told of each error that no handler threw on purpose; without it, they are process warnings. */
  readonly onFault?: (fault: Fault) => void;
}

export interface RpcServer {
  /** As clients dial it, with the port that the system chose. */
  readonly address: string;
  /** Takes no more calls, ends streams, lets unary calls finish for `graceMs`, then ends all. */
  close(graceMs?: number): Promise<void>;
}

export async function serve(options: ServeOptions): Promise<RpcServer> {
  const endpoint = parseEndpoint(options.listen);
  if (options.credentials === undefined) requireLocalEndpoint(endpoint, "listen on");
  quietUnlessAsked();
  const calls = new ServerCalls(options.onFault ?? warnOfFault);
  const server = new Server(serverOptions);
  for (const binding of options.services) addBinding(server, binding, calls);
  const injector = server.createConnectionInjector(serverCredentials(options.credentials));
  const listener = await Listener.open(endpoint, (socket) => injector.injectConnection(socket));
  let closing: Promise<void> | undefined;
  return {
    address: listener.address,
    close(graceMs = rpcLimits.closeGraceMs) {
      closing ??= close(server, listener, calls, graceMs);
      return closing;
    },
  };
}

function warnOfFault({ id, method, error }: Fault): void {
  process.emitWarning(`${id} in ${method}: ${String(error)}`, "QuipuFault");
}

function addBinding(server: Server, binding: Binding, calls: ServerCalls): void {
  const definitions: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: Record<string, UntypedHandleCall> = {};
  for (const method of binding.service.methods) {
    const handler = binding.handlers[method.localName];
    if (handler === undefined) {
      throw new QuipuError("INTERNAL", `no handler for ${methodPath(method)} was bound`);
    }
    const kind = method.methodKind;
    definitions[method.localName] = {
      path: methodPath(method),
      requestStream: kind === "client_streaming" || kind === "bidi_streaming",
      responseStream: kind === "server_streaming" || kind === "bidi_streaming",
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    implementation[method.localName] = adapt(method, handler, calls);
  }
  server.addService(definitions, implementation);
}

async function close(
  server: Server,
  listener: Listener,
  calls: ServerCalls,
  graceMs: number,
): Promise<void> {
  listener.stop();
  const drained = new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  calls.stop(false);
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([drained, grace]);
  clearTimeout(timer);
  calls.stop(true);
  await listener.close();
  server.forceShutdown();
}
