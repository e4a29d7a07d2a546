/**
 * The listening socket, kept by us and not by grpc-js: so that connections are counted, a refusal to
 * listen has the system's own code, and a stop can end peers that would never hang up by themselves.
 */
import { chmod } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { type Endpoint, formatEndpoint } from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";
import { rpcLimits } from "./rpc-limits.js";
import { freeUnixSocket } from "./unix-socket.js";

export class Listener {
  /** As clients dial it, with the port that the system chose. */
  readonly address: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(address: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.address = address;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async open(endpoint: Endpoint, accept: (socket: Socket) => void): Promise<Listener> {
    if (endpoint.kind === "unix") await freeUnixSocket(endpoint.path);
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      accept(socket);
    });
    server.maxConnections = rpcLimits.connectionsMax;
    const port = await listen(server, endpoint);
    const listener = new Listener(
      formatEndpoint(endpoint.kind === "tcp" ? { ...endpoint, port } : endpoint),
      server,
      sockets,
    );
    try {
      if (endpoint.kind === "unix") await chmod(endpoint.path, 0o600); // only its owner may dial
    } catch (error) {
      await listener.close();
      throw listenError(error as NodeJS.ErrnoException, listener.address);
    }
    return listener;
  }

  /** No more connections; those that are there go on. */
  stop(): void {
    this.#server.close();
  }

  /** Ends every connection, also of peers that do not answer. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function listen(server: Server, endpoint: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    // Also called when a connection cannot be accepted (no file handles left): its client sees that.
    server.on("error", (error) => reject(listenError(error, formatEndpoint(endpoint))));
    const { kind, ...where } = endpoint;
    server.listen(where, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, address: string): QuipuError {
  const parts = { details: { address }, cause: error };
  if (error.code === "EADDRINUSE") {
    const next = "stop what listens there (`quipu down`, or see `ss -ltnp`), or choose another";
    return new QuipuError("PORT_TAKEN", `${address} is already in use`, { ...parts, next });
  }
  if (error.code === "EACCES") {
    const next = "choose a port above 1023, or a folder that this user may write to";
    return new QuipuError("PERMISSION_DENIED", `may not listen on ${address}`, { ...parts, next });
  }
  const { code } = QuipuError.ofSystem(error);
  return new QuipuError(code, `cannot listen on ${address}: ${error.message}`, parts);
}
