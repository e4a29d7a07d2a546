/** `POST /add-checkpoint` as C2SP tlog-witness has it, and `GET /fork?origin=…`: the proof of one, if any. */
import { QuipuError } from "../../base/errors.js";
import type { HttpRoutes } from "./server.js";

export interface WitnessDesk {
  addCheckpoint(
    body: string,
  ): Promise<
    | { readonly kind: "cosigned"; readonly lines: string }
    | { readonly kind: "conflict"; readonly size: number }
  >;
  fork(origin: string): Promise<Uint8Array | undefined>;
}

const plain = "text/plain; charset=utf-8";

export function witnessRoutes(witness: WitnessDesk, bodyBytesMax: number): HttpRoutes {
  return {
    register(server) {
      // Whatever the sender calls it: the protocol names no type.
      server.removeAllContentTypeParsers();
      server.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
      server.post("/add-checkpoint", { bodyLimit: bodyBytesMax }, async (request, reply) => {
        const answer = await witness.addCheckpoint(String(request.body ?? ""));
        void reply.header("cache-control", "no-store");
        if (answer.kind === "cosigned") return await reply.type(plain).send(answer.lines);
        return await reply.code(409).type("text/x.tlog.size").send(`${answer.size}\n`);
      });
      server.get<{ Querystring: { origin?: string } }>("/fork", async (request, reply) => {
        const { origin = "" } = request.query;
        const proof = await witness.fork(origin);
        if (proof === undefined) {
          throw new QuipuError("NOT_FOUND", `no fork of ${origin.slice(0, 200)} was proved here`);
        }
        return await reply.type("application/json; charset=utf-8").send(Buffer.from(proof));
      });
    },
  };
}
