/**
 * The transparency log as C2SP tlog-tiles serves it: `/checkpoint`, `/tile/LEVEL/INDEX[.p/WIDTH]` and
 * `/tile/entries/…`. Only paths of that grammar reach the reader, so none can leave its folder.
 */
import { sha256, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { HttpRoutes } from "./server.js";

/** Bytes of `checkpoint` or of a tile's path; undefined when there is none. */
export type LogFiles = (path: string) => Promise<Uint8Array | undefined>;

const tilePattern =
  /^tile\/(?:entries|[0-9]|[1-5][0-9]|6[0-3])(?:\/x[0-9]{3}){0,6}\/[0-9]{3}(?:\.p\/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$/;

/** The head moves; what a tile holds never does. */
const checkpointCaching = "public, max-age=1, must-revalidate";
const tileCaching = "public, max-age=31536000, immutable";

export function logRoutes(read: LogFiles): HttpRoutes {
  return {
    register(server) {
      server.get("/checkpoint", async (request, reply) => {
        const bytes = await existing(read, "checkpoint");
        const tag = `"${toHex(sha256(bytes)).slice(0, 32)}"`;
        void reply.header("cache-control", checkpointCaching).header("etag", tag);
        if (isKnown(request.headers["if-none-match"], tag)) return await reply.code(304).send();
        return await reply.type("text/plain; charset=utf-8").send(bytes);
      });
      server.get<{ Params: { "*": string } }>("/tile/*", async (request, reply) => {
        const path = `tile/${request.params["*"]}`;
        if (!tilePattern.test(path)) throw notThere(path);
        const bytes = await existing(read, path);
        void reply.header("cache-control", tileCaching);
        return await reply.type("application/octet-stream").send(bytes);
      });
    },
  };
}

async function existing(read: LogFiles, path: string): Promise<Buffer> {
  const bytes = await read(path);
  if (bytes === undefined) throw notThere(path);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** RFC 9110 §13.1.2: whoever asks again and again is told in a few bytes that nothing is new. */
function isKnown(asked: string | undefined, tag: string): boolean {
  const tags = asked?.split(",").map((each) => each.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(tag) || tags.includes("*");
}

function notThere(path: string): QuipuError {
  return new QuipuError("NOT_FOUND", `the log has no ${path.slice(0, 100)}`);
}
