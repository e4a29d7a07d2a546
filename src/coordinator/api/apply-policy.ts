import { QuipuError } from "../../base/errors.js";
import type { PolicyService } from "../../gen/quipu/v1/policy_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { applied, type PolicyBook } from "../policy-book.js";

export function applyPolicy(
  core: Core,
  policies: PolicyBook,
): Handlers<typeof PolicyService>["applyPolicy"] {
  return async ({ files }) => {
    const texts = Object.fromEntries(files.map(({ name, text }) => [name, text]));
    if (Object.keys(texts).length !== files.length) {
      throw new QuipuError("INVALID_ARGUMENT", "two files of the set have the same name");
    }
    if (files.length === 0) {
      throw new QuipuError("INVALID_ARGUMENT", "a set without files would allow nothing");
    }
    const before = policies.digest;
    const digestBefore = await policies.apply(texts, (tables, digest) =>
      core.notices.did(tables, applied(digest, texts, before)),
    );
    core.wake(); // what waits may be lawful now, or no longer
    return { digest: policies.digest, digestBefore };
  };
}
