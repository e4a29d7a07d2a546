/** What a coordinator has stated itself, once all of it is in the log. */
import t from "tap";
import type { NoticeRecord } from "../src/io/store/records.js";
import type { Notice } from "../src/model/notice.js";
import { parseEnvelope } from "../src/proof/receipt/envelope.js";
import { parsePayload } from "../src/proof/receipt/notice.js";
import type { CoordinatorWorld } from "./coordinator-world.js";

export async function noticesOf(
  world: CoordinatorWorld,
): Promise<readonly (Notice & { id: string })[]> {
  await world.advance(300);
  t.same(await world.store.notices.staged(9), [], "all of them are in the log");
  const records = await world.store.notices.logged(0, 1000);
  return records.map(({ id, envelope }: NoticeRecord) => {
    const stated = parsePayload(parseEnvelope(envelope).payload);
    if ("notice" in stated) return { ...stated.notice, id };
    throw new Error("no notice");
  });
}
