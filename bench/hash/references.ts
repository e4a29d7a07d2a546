/** What digests must be, by code that ours does not share. */
import { hash } from "node:crypto";
import { hexOf } from "../harness.js";
import { type Blake3, blake3Peers } from "./peers.js";

export const noReference = "no peer to compare digests with";

const found: Blake3[] = (await blake3Peers()).filter((peer) => typeof peer !== "string");

/** BLAKE3 of the peers, which must agree; undefined where there are none. */
export function blake3Reference(data: Uint8Array): string | undefined {
  const digests = new Set(found.map((peer) => hexOf(peer.hash(data))));
  if (digests.size > 1) throw new Error(`the peers do not agree: ${[...digests].join(", ")}`);
  return [...digests][0];
}

/** The same of many messages, one digest after another. */
export function blake3References(messages: readonly Uint8Array[]): string | undefined {
  const digests = messages.map(blake3Reference);
  return digests.includes(undefined) ? undefined : digests.join("");
}

export const sha256References = (messages: readonly Uint8Array[]): string =>
  messages.map((message) => hash("sha256", message)).join("");
