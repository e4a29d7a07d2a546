import type { ArtifactService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";

/** What lies in the coordinator's own store. */
export function listArtifacts(core: Core): Handlers<typeof ArtifactService>["listArtifacts"] {
  return async () => {
    const artifacts = await core.ports.artifacts.list();
    return {
      artifacts: artifacts.map((artifact) => ({
        ...artifact,
        sizeBytes: BigInt(artifact.sizeBytes),
        host: "",
      })),
    };
  };
}
