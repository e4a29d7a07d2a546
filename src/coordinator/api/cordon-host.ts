import { dayMs } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { HostService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { cordonHost as cordon } from "../host/cordon.js";
import { hostMessage } from "../wire.js";

const drainMsMax = 30 * dayMs;

export function cordonHost(core: Core): Handlers<typeof HostService>["cordonHost"] {
  return async ({ name, reason, drainMs }) => {
    const ms = drainMs === undefined ? undefined : Number(drainMs);
    if (ms !== undefined && !(ms >= 0 && ms <= drainMsMax)) {
      throw new QuipuError("INVALID_ARGUMENT", "a drain takes from 0 seconds to 30 days");
    }
    return { host: hostMessage(core, await cordon(core, name, { reason, drainMs: ms })) };
  };
}
