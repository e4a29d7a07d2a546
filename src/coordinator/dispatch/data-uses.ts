/**
 * What rules ask and only books can tell: how often somebody used data that is lent for so many
 * times, and how many people's data went abroad since the year began.
 *
 * A use is written in the transaction that grants its run, and taken out in the one that gives the
 * run up or sees it fail: until then it is reserved, and with the receipt of a success it stays. One
 * data set counts once a year, however often it goes.
 */
import { canonicalJson } from "../../base/canonical-json.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { DataUseRecord, RunRecord } from "../../io/store/records.js";
import type { DataSet } from "../../model/data-set.js";
import type { Counts } from "../../model/terms.js";
import { countingYear } from "../../scheduler/policy/counting-year.js";

type Tables = Pick<StoreTables, "dataUses">;

/** Undefined where the terms of the data ask for no counts, or there is no data. */
export async function countsFor(
  { dataUses }: Tables,
  dataSet: DataSet | undefined,
  owner: string,
  atMs: number,
): Promise<Counts | undefined> {
  if (dataSet === undefined || !isCounted(dataSet)) return undefined;
  const { name, dataClass, terms: { origin, persons, grants = [] } = {} } = dataSet;
  const limited = grants.some(({ to, usesMax }) => to === owner && usesMax !== undefined);
  const year = origin === undefined ? 0 : countingYear(origin, atMs);
  return {
    ...(limited ? { usesSoFar: await dataUses.count(name, owner) } : {}),
    ...(origin === undefined || persons === undefined
      ? {}
      : {
          personsThisYear: await dataUses.personsAbroad({ origin, dataClass, year, except: name }),
        }),
  };
}

/** What the run that is being granted uses; undefined where nobody counts it. */
export function useOf(
  { id, place, assignedAtMs }: RunRecord,
  dataSet: DataSet | undefined,
  owner: string,
): DataUseRecord | undefined {
  return useBy(id, dataSet, { owner, country: place.country, atMs: assignedAtMs });
}

/** Results that leave are no use of the data, but its people go abroad with them, unless they come home. */
export function leavingOf(
  runId: string,
  dataSet: DataSet | undefined,
  country: string,
  atMs: number,
): DataUseRecord | undefined {
  if (country === dataSet?.terms?.origin) return undefined;
  return useBy(`${runId}/${country}`, dataSet, { owner: "", country, atMs });
}

/** Writes a use, unless the books have changed since somebody decided by them. */
export async function reserve(
  tables: Tables,
  use: DataUseRecord,
  dataSet: DataSet,
  decidedBy: Counts | undefined,
  atMs: number,
): Promise<boolean> {
  const now = await countsFor(tables, dataSet, use.owner, atMs);
  if (canonicalJson(now ?? {}) !== canonicalJson(decidedBy ?? {})) return false;
  await tables.dataUses.insert(use);
  return true;
}

function useBy(
  id: string,
  dataSet: DataSet | undefined,
  { owner, country, atMs }: { owner: string; country: string; atMs: number },
): DataUseRecord | undefined {
  if (dataSet === undefined || !isCounted(dataSet)) return undefined;
  const { name, dataClass, terms: { origin = "", persons = 0 } = {} } = dataSet;
  const year = countingYear(origin, atMs);
  return { id, dataSet: name, dataClass, owner, origin, year, country, persons };
}

function isCounted({ terms: { origin, persons, grants = [] } = {} }: DataSet): boolean {
  const isLimited = grants.some(({ usesMax }) => usesMax !== undefined);
  return isLimited || (origin !== undefined && persons !== undefined);
}
