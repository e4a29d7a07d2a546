import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { PolicyService } from "../../gen/quipu/v1/policy_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { notFound } from "../core.js";
import type { PolicyBook } from "../policy-book.js";

export function getPolicy(policies: PolicyBook): Handlers<typeof PolicyService>["getPolicy"] {
  return async ({ digest }) => {
    const found = await policies.find(digest);
    if (found === undefined) throw notFound("policy set", digest, "see `quipu policy ls`");
    return {
      digest: found.digest,
      files: Object.entries(found.files).map(([name, text]) => ({ name, text })),
      since: timestampFromMs(found.atMs),
      applied: found.applied,
    };
  };
}
