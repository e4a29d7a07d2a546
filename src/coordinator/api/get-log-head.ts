import { toHex } from "../../base/bytes.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { formatVerifierKey } from "../../proof/tlog/verifier-key.js";
import type { Durable } from "./log-service.js";

export function getLogHead(core: Durable): Handlers<typeof LogService>["getLogHead"] {
  return async () => {
    const { log, noticeSigner } = core.ports;
    const { origin, size, root, checkpoint } = await log.head();
    return {
      origin,
      size: BigInt(size),
      rootHash: toHex(root),
      checkpoint,
      tilesUrl: core.options.tilesUrl,
      verifierKey: formatVerifierKey(log.verifierKey),
      noticeKey: noticeSigner.publicKey,
    };
  };
}
