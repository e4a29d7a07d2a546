import type { HostService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { hostMessage } from "../wire.js";

export function listHosts(core: Core): Handlers<typeof HostService>["listHosts"] {
  return async () => {
    const hosts = [...core.hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { hosts: hosts.map((host) => hostMessage(core, host)) };
  };
}
