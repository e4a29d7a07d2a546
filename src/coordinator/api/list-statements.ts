import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Durable } from "./log-service.js";

const statementsPerPage = 64;
/** Of envelopes, of which the largest alone is less; the rest of a message is for keys and indexes. */
const pageBytesMax = limits.messageBytesMax - 64 * 1024;

/** As they are in the store. Nobody has to believe them: a leaf of the log fits one statement only. */
export function listStatements(core: Durable): Handlers<typeof LogService>["listStatements"] {
  return async ({ firstIndex, endIndex }) => {
    if (firstIndex < 0n || endIndex < 0n || firstIndex > 2n ** 52n || endIndex > 2n ** 52n) {
      throw new QuipuError(
        "INVALID_ARGUMENT",
        `the log has no entries ${firstIndex} to ${endIndex}`,
        {
          next: "give an index of at least 0",
        },
      );
    }
    const { receipts } = core.ports.store;
    const held = await receipts.logged(Number(firstIndex), 0, statementsPerPage);
    const asked = held.filter(({ logIndex }) => endIndex === 0n || logIndex < endIndex);
    const page = asked.slice(0, countWithin(asked.map(({ envelope }) => envelope.length)));
    const next = held[page.length]?.logIndex ?? (held.at(-1)?.logIndex ?? 0) + 1;
    const isEnd = page.length === asked.length && held.length < statementsPerPage;
    const more = !isEnd && page.length > 0 && (endIndex === 0n || next < endIndex);
    return {
      statements: page.map(({ logIndex, envelope, receiptKey }) => ({
        logIndex: BigInt(logIndex),
        envelope,
        publicKey: receiptKey,
      })),
      ...(more ? { nextIndex: BigInt(next) } : {}),
    };
  };
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
