/** A quota as `-o json` prints it and as people read it. */
import type { KindQuota, Quota } from "../../gen/quipu/v1/quota_pb.js";
import type { Column } from "../table.js";

export function quotaView({ owner, weight, kinds, isSet }: Quota) {
  return { owner, weight, isSet, kinds: kinds.map(kindView) };
}

function kindView({ kind, nominal, borrowMax, used, isSet }: KindQuota) {
  return { kind, used, nominal, borrowMax: borrowMax ?? null, isSet };
}

export type QuotaView = ReturnType<typeof quotaView>;

/** "2 of 4, and 1 borrowed at most". */
function usageText({ kinds }: QuotaView, kind: string): string {
  const found = kinds.find((one) => one.kind === kind);
  if (found === undefined) return "-";
  const { used, nominal, borrowMax, isSet } = found;
  if (!isSet) return `${used} used, no limit`;
  const more = borrowMax === null ? "any number" : `${borrowMax}`;
  return `${used} of ${nominal}, borrows ${more}`;
}

export const quotaColumns: readonly Column<QuotaView>[] = [
  { title: "OWNER", cell: ({ owner }) => owner },
  { title: "WEIGHT", cell: ({ weight }) => `${weight}`, right: true },
  { title: "CPU", cell: (quota) => usageText(quota, "cpu") },
  { title: "CUDA", cell: (quota) => usageText(quota, "cuda") },
];
