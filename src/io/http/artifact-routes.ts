/**
 * `GET`, `HEAD` and `PUT /v1/artifacts/sha256:HEX`. Each request is authorized by itself before the
 * store is asked anything, so that a download is checked as an export and nobody learns what is here.
 */
import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Digest, hexOf, parseDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type ByteSpan, spanOf } from "./byte-range.js";
import type { HttpRoutes } from "./server.js";

/** What an artifact store offers to this room. */
export interface ArtifactShelf {
  stat(digest: Digest): Promise<{ readonly sizeBytes: number } | undefined>;
  open(digest: Digest, range: ByteSpan): Promise<{ readonly stream: Readable }>;
  put(
    source: AsyncIterable<Uint8Array>,
    options: { readonly expected: Digest; readonly sizeBytesMax: number },
  ): Promise<{ readonly sizeBytes: number }>;
}

export interface ArtifactRequest {
  readonly digest: Digest;
  readonly action: "get" | "put";
  /** The bearer token, as presented. */
  readonly token: string | undefined;
}

export interface ArtifactPermit {
  /** Most bytes that this upload may bring, where the permission says so. */
  readonly sizeBytesMax?: number;
}

export interface ArtifactRoutesOptions {
  readonly store: ArtifactShelf;
  /** Throws PERMISSION_DENIED; resolving means yes. */
  readonly authorize: (request: ArtifactRequest) => Promise<ArtifactPermit>;
  /** Most bytes of any upload. */
  readonly sizeBytesMax: number;
}

interface Params {
  Params: { digest: string };
}

const path = "/v1/artifacts/:digest";

/** A refused upload up to this size is read to its end, so that its sender sees the answer. */
const drainBytesMax = 1024 * 1024;

export function artifactRoutes(options: ArtifactRoutesOptions): HttpRoutes {
  const { store, authorize } = options;
  return {
    register(server) {
      // In a scope of its own: only here is a body of any type left unread for the handler.
      server.register(async (scope) => {
        scope.removeAllContentTypeParsers();
        scope.addContentTypeParser("*", (_, payload, done) => done(null, payload));
        scope.head<Params>(path, async (request, reply) => {
          const { digest, sizeBytes } = await found(request, store, authorize);
          return await blobHeaders(reply, digest).header("content-length", sizeBytes).send();
        });
        scope.get<Params>(path, { exposeHeadRoute: false }, async (request, reply) => {
          const { digest, sizeBytes } = await found(request, store, authorize);
          return await sendBlob(request, reply, store, digest, sizeBytes);
        });
        scope.put<Params>(path, async (request, reply) => {
          return await receiveBlob(request, reply, options);
        });
      });
    },
  };
}

async function found(
  request: FastifyRequest<Params>,
  store: ArtifactShelf,
  authorize: ArtifactRoutesOptions["authorize"],
): Promise<{ digest: Digest; sizeBytes: number }> {
  const digest = parseDigest(request.params.digest);
  await authorize({ digest, action: "get", token: bearerToken(request) });
  const stat = await store.stat(digest);
  if (stat !== undefined) return { digest, sizeBytes: stat.sizeBytes };
  throw new QuipuError("NOT_FOUND", `no artifact ${digest} is here`);
}

async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  store: ArtifactShelf,
  digest: Digest,
  sizeBytes: number,
): Promise<FastifyReply> {
  const ifRange = request.headers["if-range"];
  const asked =
    ifRange === undefined || ifRange === etag(digest) ? request.headers.range : undefined;
  const span = spanOf(asked, sizeBytes);
  if (span === "unsatisfiable") {
    void reply.header("content-range", `bytes */${sizeBytes}`).code(416);
    const text = `${asked} is not within the ${sizeBytes} bytes of ${digest}`;
    const error = new QuipuError("INVALID_ARGUMENT", text, { details: { sizeBytes } });
    return await reply.type("application/json; charset=utf-8").send(JSON.stringify({ error }));
  }
  const { start, end } = span ?? { start: 0, end: sizeBytes };
  const { stream } = await store.open(digest, { start, end });
  blobHeaders(reply, digest).header("content-length", end - start);
  if (span !== undefined) {
    void reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${sizeBytes}`);
  }
  return await reply.send(stream);
}

async function receiveBlob(
  request: FastifyRequest<Params>,
  reply: FastifyReply,
  { store, authorize, ...limits }: ArtifactRoutesOptions,
): Promise<FastifyReply> {
  const length = request.headers["content-length"];
  const announcedBytes = length === undefined ? undefined : Number(length);
  try {
    const digest = parseDigest(request.params.digest);
    const permit = await authorize({ digest, action: "put", token: bearerToken(request) });
    const sizeBytesMax = Math.min(limits.sizeBytesMax, permit.sizeBytesMax ?? limits.sizeBytesMax);
    checkAnnounced(request, digest, announcedBytes, sizeBytesMax);
    const there = await store.stat(digest);
    const source = request.raw as AsyncIterable<Uint8Array>;
    // Also when it is there already: the same code checks it, and heals a blob that rotted.
    const { sizeBytes } = await store.put(source, { expected: digest, sizeBytesMax });
    void reply.code(there === undefined ? 201 : 200).header("location", request.url);
    return await reply.send({ artifact: { digest, sizeBytes } });
  } catch (error) {
    if (announcedBytes === undefined || announcedBytes > drainBytesMax) {
      void reply.header("connection", "close");
    } else {
      request.raw.resume();
    }
    throw error;
  }
}

function checkAnnounced(
  request: FastifyRequest,
  digest: Digest,
  announcedBytes: number | undefined,
  sizeBytesMax: number,
): void {
  if (announcedBytes !== undefined && announcedBytes > sizeBytesMax) {
    const text = `${announcedBytes} bytes are announced; at most ${sizeBytesMax} are taken`;
    throw new QuipuError("LIMIT_EXCEEDED", text, { details: { sizeBytesMax } });
  }
  const claim = request.headers["repr-digest"];
  if (claim !== undefined && claim !== reprDigest(digest)) {
    throw new QuipuError("DIGEST_MISMATCH", `Repr-Digest ${claim} is not that of ${digest}`);
  }
}

function blobHeaders(reply: FastifyReply, digest: Digest): FastifyReply {
  return reply
    .type("application/octet-stream")
    .header("accept-ranges", "bytes")
    .header("cache-control", "private, max-age=31536000, immutable")
    .header("content-disposition", "attachment")
    .header("etag", etag(digest))
    .header("repr-digest", reprDigest(digest))
    .header("x-content-type-options", "nosniff");
}

const etag = (digest: Digest): string => `"${digest}"`;

/** RFC 9530. */
function reprDigest(digest: Digest): string {
  const hash = Buffer.from(hexOf(digest), "hex");
  return `sha-256=:${hash.toString("base64")}:`;
}

function bearerToken(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}
