/**
 * The HTTP server: sets of routes on one loopback port. Errors leave it as JSON with a code from the
 * closed set, never with a stack.
 */
import { type FastifyInstance, fastify } from "fastify";
import { formatEndpoint, parseEndpoint, requireLocalEndpoint } from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";
import { type HttpFault, sendError } from "./error-reply.js";

/** One set of routes; made by the functions of this room. */
export interface HttpRoutes {
  register(server: FastifyInstance): void;
}

export interface HttpOptions {
  /** `127.0.0.1:PORT`; port 0 = any free one. */
  readonly listen: string;
  readonly routes: readonly HttpRoutes[];
  /** Told of each error that no route threw on purpose; without it, they are process warnings. */
  readonly onFault?: (fault: HttpFault) => void;
}

export interface HttpServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Takes no more requests, lets those in flight finish for `graceMs`, then ends them. */
  close(graceMs?: number): Promise<void>;
}

export const httpLimits = Object.freeze({
  connectionsMax: 512,
  /** A connection on which nothing moves; transfers of any length are fine while they move. */
  idleMs: 30_000,
  headersMs: 6_000,
  keepAliveMs: 5_000,
  /** Bodies other than artifacts, of which there are none yet. */
  bodyBytesMax: 64 * 1024,
  closeGraceMs: 2_000,
});

export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const onFault = options.onFault ?? warnOfFault;
  const endpoint = parseEndpoint(options.listen);
  requireLocalEndpoint(endpoint, "listen on");
  if (endpoint.kind !== "tcp") {
    throw new QuipuError("INVALID_ARGUMENT", `HTTP is not served on ${options.listen}`, {
      next: "give it 127.0.0.1:PORT",
    });
  }
  const server = fastify({
    bodyLimit: httpLimits.bodyBytesMax,
    connectionTimeout: httpLimits.idleMs,
    keepAliveTimeout: httpLimits.keepAliveMs,
    http: {
      headersTimeout: httpLimits.headersMs,
      connectionsCheckingInterval: httpLimits.headersMs / 2,
    },
    return503OnClosing: true,
  });
  server.server.maxConnections = httpLimits.connectionsMax;
  server.setErrorHandler((error, request, reply) => {
    sendError(reply, error, request.method, onFault);
  });
  server.setNotFoundHandler((request, reply) => {
    const text = `nothing is at ${request.url.slice(0, 200)}`;
    sendError(reply, new QuipuError("NOT_FOUND", text), request.method, onFault);
  });
  let closing = false;
  server.addHook("onSend", async (_, reply) => {
    // Else a connection kept alive would hold the server open after its last answer.
    if (closing) void reply.header("connection", "close");
  });
  for (const routes of options.routes) routes.register(server);
  const { host, port } = endpoint;
  await server.listen({ host, port }).catch(async (error: NodeJS.ErrnoException) => {
    await server.close();
    throw listenError(error, formatEndpoint(endpoint));
  });
  const address = server.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${formatEndpoint({ ...endpoint, port: bound })}`,
    close: async (graceMs = httpLimits.closeGraceMs) => {
      closing = true;
      await close(server, graceMs);
    },
  };
}

function warnOfFault({ id, error }: HttpFault): void {
  process.emitWarning(`${id}: ${String(error)}`, "QuipuFault");
}

function listenError(error: NodeJS.ErrnoException, address: string): QuipuError {
  const parts = { details: { address }, cause: error };
  if (error.code === "EADDRINUSE") {
    const next =
      "stop what listens there (`quipu down`, or see `ss -ltnp`), or choose another port";
    return new QuipuError("PORT_TAKEN", `${address} is already in use`, { ...parts, next });
  }
  if (error.code === "EACCES") {
    const next = "choose a port above 1023";
    return new QuipuError("PERMISSION_DENIED", `may not listen on ${address}`, { ...parts, next });
  }
  return new QuipuError("IO", `cannot listen on ${address}: ${error.message}`, parts);
}

async function close(server: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), graceMs);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
