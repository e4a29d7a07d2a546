/**
 * Addresses that servers listen on and clients dial: `HOST:PORT`, `[IPV6]:PORT`, `unix:/PATH`.
 *
 * Plain text may travel only where no network is: the loopback interface or a unix socket.
 * `localhost` is taken as 127.0.0.1, so that no resolver decides where plain text goes.
 */
import { isIPv4, isIPv6 } from "node:net";
import { QuipuError } from "./errors.js";

export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `sun_path` of Linux's sockaddr_un is 108 bytes with its final NUL. */
const unixPathBytesMax = 107;

export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith("unix:")) return parseUnix(text);
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535 || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new QuipuError("INVALID_ARGUMENT", `not an address: ${text.slice(0, 200)}`, {
      next: "write HOST:PORT (port at most 65535), [IPV6]:PORT or unix:/PATH",
    });
  }
  return { kind: "tcp", host: host === "localhost" ? "127.0.0.1" : host, port };
}

export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const host = isIPv6(endpoint.host) ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** True when what goes to this address never leaves the machine. */
export function isLocalEndpoint(endpoint: Endpoint): boolean {
  if (endpoint.kind === "unix") return true;
  if (isIPv4(endpoint.host)) return endpoint.host.startsWith("127.");
  return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(endpoint.host);
}

/** Refuses plain text to or from anywhere but this machine. */
export function requireLocalEndpoint(endpoint: Endpoint, action: "listen on" | "dial"): void {
  if (isLocalEndpoint(endpoint)) return;
  const address = formatEndpoint(endpoint);
  throw new QuipuError("INSECURE_ENDPOINT", `will not ${action} ${address} in plain text`, {
    next: "use 127.0.0.1:PORT or unix:/PATH, or give TLS credentials",
    details: { address },
  });
}

function parseUnix(text: string): Endpoint {
  const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
  const lengthBytes = Buffer.byteLength(path);
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new QuipuError("INVALID_ARGUMENT", `not a unix socket address: ${text.slice(0, 200)}`, {
      next: "write unix:/ABSOLUTE/PATH",
    });
  }
  if (lengthBytes > unixPathBytesMax) {
    const parts = { next: "choose a shorter folder for the socket", details: { lengthBytes } };
    const text = `a unix socket path holds at most ${unixPathBytesMax} bytes; this has ${lengthBytes}`;
    throw new QuipuError("LIMIT_EXCEEDED", text, parts);
  }
  return { kind: "unix", path };
}
