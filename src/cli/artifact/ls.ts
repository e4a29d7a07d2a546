/** `quipu artifact ls`. */
import type { VerbAction } from "../context.js";
import { bytesText } from "../table.js";

export const action: VerbAction = async (context) => {
  const { artifacts } = await context.coordinator();
  const answer = await artifacts.listArtifacts({});
  const rows = answer.artifacts.map(({ digest, sizeBytes }) => ({
    digest,
    sizeBytes: Number(sizeBytes),
  }));
  context.output.table(
    { artifacts: rows },
    rows,
    [
      { title: "DIGEST", cell: (row) => row.digest },
      { title: "SIZE", cell: (row) => bytesText(row.sizeBytes), right: true },
    ],
    "no artifacts yet; next: quipu artifact put FILE",
  );
  return 0;
};
