/** `quipu usage [--by tenant|host|job] [--since T] [--until T]`: sums over the receipts in the log. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { errorCodes } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import type { Column } from "../table.js";
import { timeOf } from "../time-option.js";
import { type Grouping, type Total, Totals } from "./totals.js";

export const action: VerbAction = async (context, { options }) => {
  const by = options.by as Grouping;
  const [since, until] = [timeOf("since", options.since), timeOf("until", options.until)];
  const { log } = await context.coordinator();
  const totals = new Totals(by);
  const unverified: string[] = [];
  let erased = 0n;
  let firstIndex: bigint | undefined = 0n;
  while (firstIndex !== undefined) {
    const page = await log.listUsage(
      {
        ...(since === undefined ? {} : { since: timestampFromMs(since) }),
        ...(until === undefined ? {} : { until: timestampFromMs(until) }),
        firstIndex,
      },
      { signal: context.signal },
    );
    for (const run of page.runs) totals.add(run);
    unverified.push(...page.unverified);
    erased += page.erased;
    firstIndex = page.nextIndex;
  }
  const { groups, all } = totals;
  const value = { by, groups: groups.map(view), total: view(all), unverified, erased: `${erased}` };
  context.output.table(value, groups, columnsOf(by), "no receipt of that time is in the log");
  if (all.held > 0n) context.output.note(`not counted: ${all.held} runs that hosts differ about`);
  if (all.withheld > 0n) context.output.note(`not counted: ${all.withheld} runs found wrong`);
  if (erased > 0n) context.output.note(`not counted: ${erased} receipts that were erased`);
  if (unverified.length === 0) return 0;
  context.output.note(
    `left out: ${unverified.length} receipts are not what the log says, first ${unverified[0]}`,
  );
  return errorCodes.VERIFICATION_FAILED.exit;
};

const about: Readonly<Record<Grouping, string | undefined>> = {
  tenant: undefined,
  host: "country",
  job: "name",
};

function columnsOf(by: Grouping): readonly Column<Total>[] {
  const [more, right] = [about[by], true];
  return [
    { title: by, cell: ({ key }) => key },
    ...(more === undefined ? [] : [{ title: more, cell: (total: Total) => total.about }]),
    { title: "runs", cell: ({ runs }) => `${runs}`, right },
    { title: "succeeded", cell: ({ succeeded }) => `${succeeded}`, right },
    { title: "wall_ms", cell: ({ wallMs }) => `${wallMs}`, right },
    { title: "device_ms", cell: ({ deviceMs }) => `${deviceMs}`, right },
    { title: "cpu_ms", cell: ({ cpuMs }) => `${cpuMs}`, right },
    { title: "input_bytes", cell: ({ inputBytes }) => `${inputBytes}`, right },
    { title: "output_bytes", cell: ({ outputBytes }) => `${outputBytes}`, right },
  ];
}

/** Numbers as text: a sum may be more than what readers of JSON keep exactly. */
function view({ key, about, ...sums }: Total) {
  const texts = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, `${sum}`]));
  return { ...(key === "" ? {} : { key }), ...(about === "" ? {} : { about }), ...texts };
}
