/** Ids: a prefix that tells what it names, and 80 random bits in Crockford base32. */
import type { Random } from "./random.js";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

export type IdPrefix = "act" | "aud" | "job" | "run" | "host" | "dec" | "err" | "pilot";

export function newId(prefix: IdPrefix, random: Random): string {
  const bytes = random.bytes(10);
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let i = 0; i < 16; i += 1) {
    text = alphabet[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `${prefix}-${text}`;
}
