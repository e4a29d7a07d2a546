import { QuipuError } from "../../base/errors.js";
import { ArtifactAction, type ArtifactService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { grantArtifact as grant } from "../dispatch/grants.js";

export function grantArtifact(core: Core): Handlers<typeof ArtifactService>["grantArtifact"] {
  return ({ digest, action, sizeBytes, destinationCountry, recipient }) => {
    if (action === ArtifactAction.UNSPECIFIED) {
      throw new QuipuError("INVALID_ARGUMENT", "a grant is for GET or for PUT");
    }
    return grant(core, {
      action: action === ArtifactAction.PUT ? "put" : "get",
      digest,
      sizeBytes: Number(sizeBytes),
      destinationCountry,
      recipient: recipient || undefined,
    });
  };
}
