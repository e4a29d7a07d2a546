/** `quipu receipt fields`: what of a receipt can be shown by itself. */
import { fieldGroups, fieldNames } from "../../model/disclosure.js";
import type { VerbAction } from "../context.js";
import { renderTable } from "../table.js";

export const action: VerbAction = async (context) => {
  const rows = fieldNames.map((field) => {
    const groups = Object.keys(fieldGroups).filter((group) => fieldGroups[group]?.includes(field));
    return { field, group: groups[0] ?? null };
  });
  context.output.result({ fields: rows }, () =>
    renderTable(rows, [
      { title: "FIELD", cell: ({ field }) => field },
      { title: "GROUP", cell: ({ group }) => group ?? "" },
    ]),
  );
  return 0;
};
