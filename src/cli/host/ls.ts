/** `quipu host ls`. */
import type { VerbAction } from "../context.js";
import { shareText } from "../table.js";
import { hostView } from "./host-view.js";

export const action: VerbAction = async (context) => {
  const { hosts } = await context.coordinator();
  const views = (await hosts.listHosts({})).hosts.map(hostView);
  context.output.table(
    { hosts: views },
    views,
    [
      { title: "HOST", cell: (host) => host.name },
      { title: "COUNTRY", cell: (host) => host.country },
      { title: "SITE", cell: (host) => host.site },
      {
        title: "STATE",
        cell: ({ attached, cordon, offer }) => {
          const away = offer === null ? "away" : "on offer";
          return `${attached ? "attached" : away}${cordon === null ? "" : ", cordoned"}`;
        },
      },
      { title: "DEVICES", cell: (host) => host.devices.map(({ id }) => id).join(" ") },
      { title: "RUNS", cell: (host) => String(host.runs.length), right: true },
      {
        title: "CPU",
        cell: ({ telemetry }) => shareText(telemetry?.cpu.utilization ?? 0),
        right: true,
      },
      { title: "DATA SETS", cell: (host) => host.dataSets.join(" ") },
    ],
    "no hosts have attached yet; next: quipu up --country CC",
  );
  return 0;
};
