/** Serves bindings on one address: loopback or a unix socket, or anywhere with TLS. */
import { chmod } from "node:fs/promises";
import { type MethodDefinition, Server, type UntypedHandleCall } from "@grpc/grpc-js";
import {
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  requireLocalEndpoint,
} from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";
import { identity } from "./codec.js";
import { serverCredentials, type TlsCredentials } from "./credentials.js";
import { quietUnlessAsked, rpcLimits, serverOptions } from "./rpc-limits.js";
import { type Fault, ServerCalls } from "./server-call.js";
import { adapt } from "./server-handlers.js";
import { type Binding, methodPath } from "./service.js";
import { freeUnixSocket } from "./unix-socket.js";

export interface ServeOptions {
  /** `127.0.0.1:PORT` (0 = any free port) or `unix:/PATH`. */
  readonly listen: string;
  readonly services: readonly Binding[];
  readonly credentials?: TlsCredentials;
  /** Told of each error that no handler threw on purpose. */
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
  if (endpoint.kind === "unix") await freeUnixSocket(endpoint.path);
  quietUnlessAsked();
  const calls = new ServerCalls(options.onFault ?? (() => {}));
  const server = new Server(serverOptions);
  for (const binding of options.services) addBinding(server, binding, calls);
  const port = await listen(server, endpoint, options.credentials);
  if (endpoint.kind === "unix") await chmod(endpoint.path, 0o600);
  const address = formatEndpoint(endpoint.kind === "tcp" ? { ...endpoint, port } : endpoint);
  let closing: Promise<void> | undefined;
  return {
    address,
    close(graceMs = rpcLimits.closeGraceMs) {
      closing ??= close(server, calls, graceMs);
      return closing;
    },
  };
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

function listen(
  server: Server,
  endpoint: Endpoint,
  credentials: TlsCredentials | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(formatEndpoint(endpoint), serverCredentials(credentials), (error, port) => {
      if (error === null) resolve(port);
      else reject(bindError(error, formatEndpoint(endpoint)));
    });
  });
}

/** grpc-js folds the system's error into text. */
function bindError(error: Error, address: string): QuipuError {
  const parts = { details: { address }, cause: error };
  if (error.message.includes("EADDRINUSE")) {
    const next = "stop what listens there (`quipu down`, or see `ss -ltnp`), or choose another";
    return new QuipuError("PORT_TAKEN", `${address} is already in use`, { ...parts, next });
  }
  if (error.message.includes("EACCES")) {
    const next = "choose a port above 1023, or a folder that this user may write to";
    return new QuipuError("PERMISSION_DENIED", `may not listen on ${address}`, { ...parts, next });
  }
  return new QuipuError("IO", `cannot listen on ${address}: ${error.message}`, parts);
}

async function close(server: Server, calls: ServerCalls, graceMs: number): Promise<void> {
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
  // Ends sessions that still hold streams; this works only while grpc-js' channelz is enabled.
  server.forceShutdown();
  await drained;
}
