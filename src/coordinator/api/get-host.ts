import type { HostService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { type Core, notFound } from "../core.js";
import { hostMessage } from "../wire.js";

export function getHost(core: Core): Handlers<typeof HostService>["getHost"] {
  return async ({ name }) => {
    const host = core.hosts.get(name);
    if (host === undefined) throw notFound("host", name, "see `quipu host ls`");
    return { host: hostMessage(core, host) };
  };
}
