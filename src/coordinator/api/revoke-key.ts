import type { HostService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { revokeKey as revoke } from "../log/host-keys.js";
import { hostMessage } from "../wire.js";

export function revokeKey(core: Core): Handlers<typeof HostService>["revokeKey"] {
  return async ({ name, reason, keyId }) => ({
    host: hostMessage(
      core,
      await revoke(core, name, { reason: reason || "no reason given", keyId }),
    ),
  });
}
