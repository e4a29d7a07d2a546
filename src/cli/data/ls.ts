/** `quipu data ls`. */
import type { VerbAction } from "../context.js";
import { bytesText, shortDigest } from "../table.js";
import { dataSetView } from "./data-view.js";

export const action: VerbAction = async (context) => {
  const { dataSets } = await context.coordinator();
  const views = (await dataSets.listDataSets({})).dataSets.map(dataSetView);
  context.output.table(
    { dataSets: views },
    views,
    [
      { title: "NAME", cell: (set) => set.name },
      { title: "CLASS", cell: (set) => set.dataClass },
      { title: "OWNER", cell: (set) => set.owner },
      { title: "COUNTRIES", cell: (set) => set.countries.join(",") || "-" },
      { title: "FILES", cell: (set) => String(set.files), right: true },
      { title: "SIZE", cell: (set) => bytesText(set.sizeBytes), right: true },
      { title: "MANIFEST", cell: (set) => shortDigest(set.manifestDigest) },
    ],
    "no data sets yet; next: quipu data add FOLDER --name NAME --class CLASS",
  );
  return 0;
};
