/** Quotas of owners: durable before they hold. What runs already goes on, whatever they become. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { Quota as QuotaMessage, QuotaSchema } from "../../gen/quipu/v1/quota_pb.js";
import { deviceKinds } from "../../model/host.js";
import { noUsage, type Quota, quota } from "../../model/quota.js";
import type { Core } from "../core.js";

export async function setQuota(core: Core, owner: string, to: Quota | undefined): Promise<void> {
  await core.ports.store.transact(async (tables) => {
    if (to === undefined) await tables.quotas.delete(owner);
    else await tables.quotas.put(to);
    const kind = to === undefined ? "quota.remove" : "quota.set";
    const details = to === undefined ? { owner } : { owner, quota: canonicalJson(to) };
    await core.notices.did(tables, { kind, about: `owner ${owner}`, details });
  });
  if (to === undefined) core.quotas.delete(owner);
  else core.quotas.set(owner, to);
  core.queue.lookAgain();
  core.wake();
}

/** Throws INVALID_ARGUMENT with the field that is wrong. */
export function quotaOf({ owner, weight, kinds }: QuotaMessage): Quota {
  const known: readonly string[] = deviceKinds;
  const unknown = kinds.find(({ kind }) => !known.includes(kind));
  if (unknown !== undefined) throw wrong(`kinds: "${unknown.kind}" is not cpu or cuda`);
  const limits = kinds.map(({ kind, nominal, borrowMax }) => {
    return [kind, { nominal, ...(borrowMax === undefined ? {} : { borrowMax }) }];
  });
  const parsed = quota.safeParse({
    owner,
    ...(weight === 0 ? {} : { weight }),
    ...Object.fromEntries(limits),
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw wrong(`${issue?.path.join(".")}: ${issue?.message}`);
}

export function quotaMessage(core: Core, owner: string): MessageInitShape<typeof QuotaSchema> {
  const set = core.quotas.get(owner);
  const usage = core.runs.usage(owner) ?? noUsage();
  return {
    owner,
    weight: set?.weight ?? 1,
    isSet: set !== undefined,
    kinds: deviceKinds.map((kind) => ({
      kind,
      nominal: set?.[kind]?.nominal ?? 0,
      ...(set?.[kind]?.borrowMax === undefined ? {} : { borrowMax: set[kind].borrowMax }),
      used: usage[kind],
      isSet: set?.[kind] !== undefined,
    })),
  };
}

function wrong(why: string): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", `the quota is not one: ${why}`);
}
