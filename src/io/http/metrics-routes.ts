/** `GET /metrics`: Prometheus text, rendered by whoever measures. */
import type { HttpRoutes } from "./server.js";

export function metricsRoutes(render: () => string | Promise<string>): HttpRoutes {
  return {
    register(server) {
      server.get("/metrics", async (_, reply) => {
        const text = await render();
        return await reply.type("text/plain; version=0.0.4; charset=utf-8").send(text);
      });
    },
  };
}
