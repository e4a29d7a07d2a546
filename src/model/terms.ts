/**
 * What laws and owners ask about a data set: whose law follows it, how many people it is about, what
 * binds those who receive it, and whom its owner lends it to.
 *
 * Whatever is left out is unknown, and a rule that asks for it refuses.
 */
import { z } from "zod";
import { label } from "./name.js";
import { country } from "./place.js";
import { time } from "./time.js";

/** What may make it lawful that data goes to another country. docs/policy.md says what each means. */
export const mechanisms = [
  "adequacy",
  "assessment",
  "bcr",
  "certification",
  "clauses",
  "code",
  "consent",
  "contract",
  "exception",
  "free-zone",
  "instrument",
  "law",
  "payment",
  "security-assessment",
] as const;

const instrument = z.strictObject({
  mechanism: z.enum(mechanisms),
  /** It says nothing of any other country. */
  countries: z.array(country).min(1).max(249),
  /** Operators of hosts and recipients of exports whom it binds; whoever is there without it. */
  recipients: z.array(label).min(1).max(64).optional(),
  until: time,
  /** Number or name of the document, for people. */
  reference: z.string().min(1).max(200).optional(),
});
export type Instrument = z.infer<typeof instrument>;

const grant = z.strictObject({
  /** Owner of the jobs that may use the data. */
  to: label,
  purposes: z.array(label).min(1).max(64),
  until: time,
  /** Runs at most; as many as they like without it. */
  usesMax: z.int().positive().optional(),
});

const personsMax = 10_000_000_000;
/** A count of people. */
export const persons = z.int().nonnegative().max(personsMax);

export const terms = z.strictObject({
  /** Country whose law follows the data: where it was collected. */
  origin: country.optional(),
  /** What it may be used for; anything without it. */
  purposes: z.array(label).min(1).max(64).optional(),
  /** How many people it is about. */
  persons: persons.optional(),
  /** Whether its country counts it as important data. */
  importantData: z.boolean().optional(),
  /** Whether whoever provides it operates critical infrastructure. */
  criticalOperator: z.boolean().optional(),
  /** Whether data of the country that it is processed in was added to it. */
  domesticAdded: z.boolean().optional(),
  /** Whether it only passes through the country that it leaves. */
  transit: z.boolean().optional(),
  /** Whether it is transferred habitually, not occasionally. */
  habitual: z.boolean().optional(),
  /** For how many days after the end of a job that read it what hosts stated of it is kept; else for ever. */
  retentionDays: z.int().positive().max(36_500).optional(),
  instruments: z.array(instrument).max(64).optional(),
  /** With grants, only its owner and those who hold one may use it. */
  grants: z.array(grant).max(256).optional(),
});
export type Terms = z.infer<typeof terms>;

/** What only books can tell of a use of the data; left out where they cannot. */
export interface Counts {
  /**
   * People whose data of this origin and class went abroad since the year began in the country of
   * origin, by other data sets than this one.
   */
  readonly personsThisYear?: number | undefined;
  /** Runs of the job's owner on the data set so far. */
  readonly usesSoFar?: number | undefined;
}
