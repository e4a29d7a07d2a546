import type { HostService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { uncordonHost as uncordon } from "../host/cordon.js";
import { hostMessage } from "../wire.js";

export function uncordonHost(core: Core): Handlers<typeof HostService>["uncordonHost"] {
  return async ({ name }) => ({ host: hostMessage(core, await uncordon(core, name)) });
}
