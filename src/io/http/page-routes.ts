/**
 * `GET /verify`: the page that checks receipts in a browser, read once at the start. Whoever can reach this server may
 * have it: it holds nothing of this fleet, and what is dropped on it does not come back here.
 */
import { readFile } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import type { HttpRoutes } from "./server.js";

export async function pageRoutes(path: string): Promise<HttpRoutes> {
  const html = await readFile(path).catch((cause: Error) => {
    throw new QuipuError("NOT_FOUND", `the page ${path} cannot be read: ${cause.message}`, {
      next: "install Quipu again: its folder web is not whole",
      cause,
    });
  });
  return {
    register(server) {
      server.get("/verify", async (_, reply) => {
        void reply.header("cache-control", "no-cache");
        void reply.header("x-content-type-options", "nosniff");
        // What the page itself cannot say: nobody may show it inside a page of theirs.
        void reply.header("content-security-policy", "frame-ancestors 'none'");
        return await reply.type("text/html; charset=utf-8").send(html);
      });
    },
  };
}
