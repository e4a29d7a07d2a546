import { toHex } from "../../base/bytes.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { formatVerifierKey } from "../../proof/tlog/note.js";
import type { Core } from "../core.js";

export function getLogHead(core: Core): Handlers<typeof LogService>["getLogHead"] {
  return async () => {
    const { log } = core.ports;
    const { origin, size, root, checkpoint } = log.head();
    return {
      origin,
      size: BigInt(size),
      rootHash: toHex(root),
      checkpoint,
      tilesUrl: core.options.tilesUrl,
      verifierKey: formatVerifierKey(log.verifierKey),
    };
  };
}
