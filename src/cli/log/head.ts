/** `quipu log head`. */
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context) => {
  const { log } = await context.coordinator();
  const head = await log.getLogHead({});
  const { origin, rootHash, checkpoint, tilesUrl, verifierKey } = head;
  const size = Number(head.size);
  context.output.result({ origin, size, rootHash, checkpoint, tilesUrl, verifierKey }, () =>
    [
      `origin  ${origin}`,
      `size    ${size}`,
      `root    ${rootHash}`,
      `tiles   ${tilesUrl}`,
      `key     ${verifierKey}`,
      "",
      checkpoint.trimEnd(),
    ].join("\n"),
  );
  return 0;
};
