/** `GET /livez`: this process answers. `GET /readyz`: it can do its work, or why it cannot. */
import type { HttpRoutes } from "./server.js";

/** `notReady` tells what is missing, or nothing when all is well. */
export function healthRoutes(
  notReady: () => string | undefined | Promise<string | undefined>,
): HttpRoutes {
  return {
    register(server) {
      server.get("/livez", async (_, reply) => {
        return await reply.header("cache-control", "no-store").type("text/plain").send("ok\n");
      });
      server.get("/readyz", async (_, reply) => {
        const missing = await notReady();
        return await reply
          .code(missing === undefined ? 200 : 503)
          .header("cache-control", "no-store")
          .type("text/plain; charset=utf-8")
          .send(`${missing ?? "ok"}\n`);
      });
    },
  };
}
