/**
 * What devices cost where, and bytes on their way there, as dated lists: the first row that matches
 * says it. Whole numbers of billionths of the currency's unit, so that no sum is ever rounded twice.
 */
import { z } from "zod";
import { type Digest, digestOf } from "../base/bytes.js";
import { canonicalBytes } from "../base/canonical-json.js";
import { egressRow } from "./egress.js";
import type { Device } from "./host.js";
import { deviceKind } from "./host.js";
import { name } from "./name.js";
import { country, type Place, sites } from "./place.js";

const moment = z.iso.datetime().describe("RFC 3339, in UTC");

export const currency = z.string().regex(/^[A-Z]{3}$/, "must be an ISO 4217 code, for example USD");

const rate = z.strictObject({
  kind: z.enum(["cpu", "cuda"]).optional(),
  /** The device's model, letter for letter. */
  model: z.string().min(1).max(128).optional(),
  country: country.optional(),
  site: z.enum(sites).optional(),
  nanosPerSecond: z
    .int()
    .nonnegative()
    .max(10 ** 15)
    .describe("of one device, in billionths of the currency's unit"),
  watts: z
    .int()
    .nonnegative()
    .max(10 ** 4)
    .optional()
    .describe("what one device usually draws while it works"),
});

export const priceBook = z
  .strictObject({
    version: z.literal("quipu.dev/price-book/v1"),
    name,
    currency,
    from: moment,
    until: moment.optional(),
    rates: z.array(rate).min(1).max(10_000),
    egress: z.array(egressRow).min(1).max(10_000).optional(),
  })
  .refine(({ from, until }) => until === undefined || Date.parse(from) < Date.parse(until), {
    path: ["until"],
    error: "must be later than from",
  });
export type PriceBook = z.infer<typeof priceBook>;

export interface Price {
  readonly currency: string;
  readonly nanosPerSecond: number;
}

/** Undefined where no row says anything of such a device in such a place. */
export function priceOf(book: PriceBook, place: Place, device: Device): Price | undefined {
  const row = rateOf(book, place, device);
  if (row === undefined) return undefined;
  return { currency: book.currency, nanosPerSecond: row.nanosPerSecond };
}

/** Undefined where its row does not say. */
export function wattsOf(book: PriceBook, place: Place, device: Device): number | undefined {
  return rateOf(book, place, device)?.watts;
}

function rateOf(book: PriceBook, place: Place, device: Device) {
  return book.rates.find(
    (one) =>
      (one.kind ?? deviceKind(device)) === deviceKind(device) &&
      (one.model ?? device.model) === device.model &&
      (one.country ?? place.country) === place.country &&
      (one.site ?? place.site) === place.site,
  );
}

/** Billionths of a unit as units: 1250000000 is "1.25". */
export function amountText(nanos: bigint): string {
  const digits = nanos.toString().padStart(10, "0");
  const parts = digits.slice(-9).replace(/0+$/, "");
  return parts === "" ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${parts}`;
}

const dearest = new WeakMap<PriceBook, number>();

/** The highest rate of a book. */
export function dearestOf(book: PriceBook): number {
  let nanos = dearest.get(book);
  if (nanos === undefined) {
    nanos = book.rates.reduce((most, { nanosPerSecond }) => Math.max(most, nanosPerSecond), 0);
    dearest.set(book, nanos);
  }
  return nanos;
}

/** The one of some books that holds at a moment: of several the one that began last. */
export function bookAt(books: readonly PriceBook[], at: string): PriceBook | undefined {
  const atMs = Date.parse(at);
  return books
    .filter(({ from, until }) => {
      return Date.parse(from) <= atMs && (until === undefined || atMs < Date.parse(until));
    })
    .sort((a, b) => Date.parse(b.from) - Date.parse(a.from) || (a.name < b.name ? -1 : 1))[0];
}

const digests = new WeakMap<PriceBook, Digest>();

/** Of its canonical JSON. */
export function priceBookDigest(book: PriceBook): Digest {
  let digest = digests.get(book);
  if (digest === undefined) {
    digest = digestOf(canonicalBytes(book));
    digests.set(book, digest);
  }
  return digest;
}
