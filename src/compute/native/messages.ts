/** Many messages, as separate arrays or packed into one. */
import { QuipuError } from "../../base/errors.js";
import { OwnedBytes } from "./owned-bytes.js";

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

export function byteCount(messages: MessageList): number {
  if ("data" in messages) return messages.data.byteLength;
  return messages.reduce((sum, message) => sum + message.byteLength, 0);
}

export function pack(messages: MessageList): Required<PackedMessages> {
  if ("data" in messages) {
    checkCount(messages.data.length, messages);
    return { ends: undefined, ...messages };
  }
  const ends = new Float64Array(messages.length);
  const data = new Uint8Array(byteCount(messages));
  let at = 0;
  messages.forEach((message, i) => {
    data.set(message, at);
    at += message.byteLength;
    ends[i] = at;
  });
  return { data, count: messages.length, ends };
}

/** Memory that a task may read: separate messages are joined, which copies them; one array is copied. */
export function own(messages: MessageList | OwnedMessages): {
  readonly owned: OwnedBytes;
  readonly count: number;
  readonly ends: Float64Array | undefined;
} {
  if ("data" in messages) {
    const { data, count, ends } = messages;
    checkCount(data.length, messages);
    const owned = data instanceof OwnedBytes ? data : OwnedBytes.copyOf(data);
    return { owned, count, ends };
  }
  const { data, count, ends } = pack(messages);
  return { owned: OwnedBytes.take(data), count, ends };
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
