import { limits } from "../../base/limits.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { HeldStatement } from "../../proof/lineage/open-leaves.js";
import { entryIndex } from "./entry-index.js";
import type { Durable } from "./log-service.js";

const statementsPerPage = 64;
/** Of envelopes, of which the largest alone is less; the rest of a message is for keys and indexes. */
const pageBytesMax = limits.messageBytesMax - 64 * 1024;

/** As they are in the store. Nobody has to believe them: a leaf of the log fits one statement only. */
export function listStatements(core: Durable): Handlers<typeof LogService>["listStatements"] {
  return async ({ firstIndex, endIndex }) => {
    const end = entryIndex(endIndex);
    const held = await heldFrom(core, entryIndex(firstIndex));
    const asked = held.filter(({ index }) => end === 0 || index < end);
    const page = asked.slice(0, countWithin(asked.map(({ envelope }) => envelope.length)));
    const next = (page.at(-1)?.index ?? 0) + 1;
    const isAll = page.length === asked.length && held.length < statementsPerPage;
    const more = page.length > 0 && !isAll && (end === 0 || next < end);
    return {
      statements: page
        .filter(({ envelope }) => envelope.length > 0)
        .map(({ index, ...rest }) => ({ logIndex: BigInt(index), ...rest })),
      ...(more ? { nextIndex: BigInt(next) } : {}),
    };
  };
}

/** Receipts of hosts and what the coordinator signed itself, in one order; at most a page. */
async function heldFrom({ ports: { store } }: Durable, first: number): Promise<HeldStatement[]> {
  const receipts = await store.receipts.logged(first, 0, statementsPerPage);
  const notices = await store.notices.logged(first, statementsPerPage);
  const held = [
    ...receipts.map(({ logIndex: index, envelope, receiptKey: publicKey }) => {
      return { index, envelope, publicKey };
    }),
    ...notices.map(({ logIndex: index = -1, envelope, key: publicKey }) => {
      return { index, envelope, publicKey };
    }),
  ];
  return held.sort((a, b) => a.index - b.index).slice(0, statementsPerPage);
}

/** How many of the first are within the bytes of a page; at least one. */
function countWithin(sizesBytes: readonly number[]): number {
  let sum = 0;
  const over = sizesBytes.findIndex((bytes) => {
    sum += bytes;
    return sum > pageBytesMax;
  });
  return over < 0 ? sizesBytes.length : Math.max(1, over);
}
