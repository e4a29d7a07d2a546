/**
 * Capacity that can be had when the fleet's own does not suffice: what is offered where, at what
 * price, and by whom. Written by the operator as a file (`quipu-coordinator --burst FILE`).
 */
import { z } from "zod";
import { limits } from "../base/limits.js";
import { capabilityPattern, driverVersionPattern, slicePattern } from "./host.js";
import { name } from "./name.js";
import { place } from "./place.js";
import { currency } from "./price-book.js";

const nanos = z
  .int()
  .nonnegative()
  .describe("billionths of the currency's unit, as in a price book");
const seconds = (usual: number, min = 1) =>
  z
    .int()
    .min(min)
    .max(30 * 86_400)
    .default(usual);
const words = z.array(z.string().min(1).max(4096)).min(1).max(64);

const quoted = (example: string) =>
  z.string({ error: `must be in quotes, for example "${example}"` });

const device = z
  .strictObject({
    id: z.string().regex(/^(cpu|cuda:[0-9]{1,3})$/, "must be cpu or cuda:N"),
    model: z.string().max(128).default(""),
    memoryBytes: z
      .int()
      .nonnegative()
      .max(2 ** 50)
      .default(0),
    backends: z.array(z.enum(["portable", "avx2", "avx512", "cuda"])).default(["portable"]),
    slots: z.int().min(1).max(limits.slotsMax).default(64).describe("light runs at once"),
    computeCapability: quoted("9.0")
      .regex(capabilityPattern, 'must be major and minor, for example "9.0"')
      .exactOptional(),
    driverVersion: quoted("535.104")
      .regex(driverVersionPattern, 'must be a version, for example "535.104"')
      .exactOptional()
      .describe("of the GPU's driver"),
    slice: z
      .string()
      .regex(slicePattern, "must be a MIG profile, for example 1g.10gb")
      .exactOptional()
      .describe("where it is a part of a GPU"),
  })
  .superRefine(({ id, ...facts }, context) => {
    if (id !== "cpu") return;
    for (const field of ["computeCapability", "driverVersion", "slice"] as const) {
      if (facts[field] === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [field],
        message: "is a GPU's, and this is the processor",
      });
    }
  });

/** Who brings pilots up, and what it has to be told. */
const provider = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("local"),
    data: z.string().min(1).optional().describe("folder of the pilots' data sets"),
  }),
  z.strictObject({
    kind: z.literal("slurm"),
    sbatch: z.array(z.string().min(1).max(4096)).max(64).default([]).describe("more options of it"),
    agent: words.optional().describe("how quipud is called on a node"),
    scratch: z.string().startsWith("/").default("/tmp").describe("folder on the node"),
    data: z.string().startsWith("/").optional().describe("folder of data sets on the node"),
    environment: z.record(z.string().min(1), z.string()).default({}),
  }),
  z.strictObject({
    kind: z.literal("command"),
    start: words,
    status: words,
    stop: words,
    environment: z.record(z.string().min(1), z.string()).default({}),
    timeoutSeconds: seconds(120),
  }),
]);
export type ProviderConfig = z.infer<typeof provider>;

/** The longest number that stands behind an offer's name in a host's. */
const numberLengthMax = 5;

const offer = z
  .strictObject({
    name: name.max(limits.nameLengthMax - numberLengthMax),
    place,
    devices: z.array(device).min(1).max(256),
    cores: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .describe("of the host, for jobs that ask for some"),
    memoryBytes: z
      .int()
      .min(1)
      .max(2 ** 50)
      .optional()
      .describe("of the host, for jobs that ask for some"),
    dataSets: z.array(name).max(4096).default([]).describe("data sets that lie there"),
    pilotsMax: z.int().min(1).max(1000).default(1),
    price: z.strictObject({ currency, nanosPerSecond: nanos.max(10 ** 15) }).optional(),
    waitSeconds: seconds(60, 0).describe("a job waits so long before this is asked for"),
    bootSeconds: seconds(600).describe("from the start to the pilot's first word, queues included"),
    idleSeconds: seconds(300).describe("without a run"),
    lifetimeSeconds: seconds(4 * 3600),
    drainSeconds: seconds(300).describe("before its end it takes no new runs"),
    provider,
  })
  .refine(({ lifetimeSeconds, bootSeconds }) => bootSeconds <= lifetimeSeconds, {
    path: ["bootSeconds"],
    error: "must not be longer than lifetimeSeconds",
  })
  .refine(({ lifetimeSeconds, drainSeconds }) => drainSeconds < lifetimeSeconds, {
    path: ["drainSeconds"],
    error: "must be shorter than lifetimeSeconds",
  });
export type Offer = z.infer<typeof offer>;

export const burstConfig = z
  .strictObject({
    version: z.literal("quipu.dev/burst/v1"),
    /** Of all offers together. */
    pilotsMax: z.int().min(1).max(1000).default(10),
    budget: z
      .strictObject({ currency, nanosPerDay: nanos })
      .optional()
      .describe("what pilots may cost in any 24 hours"),
    coordinator: z.string().min(1).optional().describe("what pilots dial; usually our own address"),
    offers: z.array(offer).min(1).max(64),
  })
  .superRefine(({ budget, offers }, context) => {
    const hosts = new Set<string>();
    for (const [at, { pilotsMax, price, ...rest }] of offers.entries()) {
      const wrong = (field: string, message: string) =>
        context.addIssue({ code: "custom", path: ["offers", at, field], message });
      for (const host of pilotHosts({ name: rest.name, pilotsMax })) {
        if (hosts.has(host)) wrong("name", `another offer's pilots are named ${host} as well`);
        hosts.add(host);
      }
      if (new Set(rest.devices.map(({ id }) => id)).size < rest.devices.length) {
        wrong("devices", "two of them have the same id");
      }
      if (budget === undefined) continue;
      if (price === undefined) wrong("price", "is missing: there is a budget to be kept");
      else if (price.currency !== budget.currency) wrong("price", `is not in ${budget.currency}`);
    }
  });
export type BurstConfig = z.infer<typeof burstConfig>;

/** Names of the hosts that an offer's pilots are, one at a time each. */
export function pilotHosts({ name, pilotsMax }: Pick<Offer, "name" | "pilotsMax">): string[] {
  return Array.from({ length: pilotsMax }, (_, at) => `${name}-${at + 1}`);
}

/**
 * `wanted`: written down, its start may or may not have been asked for. `started`: its provider took
 * the order. `joined`: its agent showed the token. `draining`: it gets no new runs. `stopping`: its
 * provider is asked to end it. `ended`: its provider no longer knows it.
 */
export type PilotStage = "wanted" | "started" | "joined" | "draining" | "stopping" | "ended";
