/** `quipu log head`. */
import { pemOf } from "../../proof/receipt/bundle.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context) => {
  const { log } = await context.coordinator();
  const head = await log.getLogHead({});
  const { origin, rootHash, checkpoint, tilesUrl, verifierKey } = head;
  const noticeKey = pemOf(head.noticeKey);
  const size = Number(head.size);
  const value = { origin, size, rootHash, checkpoint, tilesUrl, verifierKey, noticeKey };
  context.output.result(value, () =>
    [
      `origin  ${origin}`,
      `size    ${size}`,
      `root    ${rootHash}`,
      `tiles   ${tilesUrl}`,
      `key     ${verifierKey}`,
      `notices ${receiptKeyId(head.noticeKey)}`,
      "",
      checkpoint.trimEnd(),
    ].join("\n"),
  );
  return 0;
};
