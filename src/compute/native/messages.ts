/** Many messages, as separate arrays or packed into one. */
import { QuipuError } from "../../base/errors.js";
import { refuseMany } from "./hash-options.js";
import { allocate, checkBytes } from "./memory.js";
import { OwnedBytes, ownBytes } from "./owned-bytes.js";

const messagesMax = 2 ** 32 - 1;

/** Message i ends at ends[i] and begins where the one before it ended; without `ends` all are equally long. */
export interface PackedMessages {
  readonly data: Uint8Array;
  readonly count: number;
  readonly ends?: Float64Array | undefined;
}

export type MessageList = readonly Uint8Array[] | PackedMessages;

export interface OwnedMessages {
  readonly data: OwnedBytes;
  readonly count: number;
  readonly ends?: Float64Array | undefined;
}

interface Measure {
  readonly sizeBytes: number;
  readonly count: number;
}

/** For a call on this thread, which `call` names the other way of: separate messages are joined. */
export function packSmall(messages: MessageList, call: string): Required<PackedMessages> {
  const measure = measureOf(messages);
  refuseMany(measure, call);
  return "data" in messages ? { ends: undefined, ...messages } : join(messages, measure);
}

/** Memory that a task may read: separate messages are joined, which copies them; one array is copied. */
export function own(messages: MessageList | OwnedMessages): {
  readonly owned: OwnedBytes;
  readonly count: number;
  readonly ends: Float64Array | undefined;
} {
  const measure = measureOf(messages);
  if ("data" in messages) {
    const { data, count, ends } = messages;
    return { owned: ownBytes(data), count, ends };
  }
  const { data, count, ends } = join(messages, measure);
  return { owned: OwnedBytes.take(data), count, ends };
}

function join(
  messages: readonly Uint8Array[],
  { sizeBytes, count }: Measure,
): Required<PackedMessages> {
  const ends = new Float64Array(count);
  const data = new Uint8Array(allocate(sizeBytes));
  let at = 0;
  messages.forEach((message, i) => {
    data.set(message, at);
    at += message.byteLength;
    ends[i] = at;
  });
  return { data, count, ends };
}

/** How much there is, once it is known to be messages. */
function measureOf(messages: MessageList | OwnedMessages): Measure {
  if (Array.isArray(messages)) {
    let sizeBytes = 0;
    for (let i = 0; i < messages.length; i += 1) {
      const message: unknown = messages[i];
      checkBytes(message, "message", i);
      sizeBytes += message.byteLength;
    }
    return { sizeBytes, count: messages.length };
  }
  if (typeof messages !== "object" || messages === null || !("data" in messages)) {
    throw new QuipuError("INVALID_ARGUMENT", "these are no messages", {
      next: "pass an array of Uint8Arrays, or { data, count }",
    });
  }
  const { data } = messages;
  if (!(data instanceof OwnedBytes)) checkBytes(data, "data");
  checkCount(data.length, messages);
  return { sizeBytes: data.length, count: messages.count };
}

/** Before digests are made room for; the bounds themselves are checked where they cannot move any more. */
function checkCount(
  sizeBytes: number,
  { count, ends }: Pick<PackedMessages, "count" | "ends">,
): void {
  const possible = Number.isInteger(count) && count >= 0 && count <= messagesMax;
  const divides = ends !== undefined || sizeBytes === 0 || sizeBytes % count === 0;
  if (possible && divides) return;
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `${sizeBytes} bytes cannot be ${count} messages of equal size`,
    { next: "give the number of messages, and `ends` where they are of different sizes" },
  );
}
