/**
 * The seam for TLS. With credentials both sides prove themselves (mutual TLS); without, an endpoint
 * is held to this machine (`src/base/endpoint.ts`).
 */
import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";

/** All PEM. */
export interface TlsCredentials {
  /** Authorities whose certificates the other side may show. */
  readonly authorities: Uint8Array;
  /** Own certificate, then intermediates. */
  readonly certificateChain: Uint8Array;
  readonly privateKey: Uint8Array;
}

export function serverCredentials(tls: TlsCredentials | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.certificateChain), private_key: key(tls) };
  return ServerCredentials.createSsl(Buffer.from(tls.authorities), [pair], true);
}

export function channelCredentials(tls: TlsCredentials | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const chain = Buffer.from(tls.certificateChain);
  return ChannelCredentials.createSsl(Buffer.from(tls.authorities), key(tls), chain);
}

function key(tls: TlsCredentials): Buffer {
  return Buffer.from(tls.privateKey);
}
