/**
 * What keeps a host out, cheap to dear; the first that fails is the host's reason. `binding` filters
 * do not depend on load: a job that no host passes them for is refused. The others only make it wait.
 * Rule names are stable: they stand in decisions, receipts and what people script against.
 */
import type { ExportRefusal } from "../../model/decision.js";
import { type Device, deviceKind, freeOfHost, type HostView } from "../../model/host.js";
import { type JobSpec, taskBackend, wantedKinds } from "../../model/job.js";
import { amountText, type PriceBook, priceOf } from "../../model/price-book.js";
import type { Verdict } from "../policy/verdict.js";
import { costOf, type FittingDevices, type Wish } from "./devices.js";

export interface Asked extends Wish {
  /** What the law says about this job on a host. */
  verdict(host: HostView): Verdict;
}

export interface Fault {
  /** The filter's own name unless the filter speaks for many rules. */
  readonly rule?: string;
  readonly text: string;
  readonly law?: string;
}

export interface Filter {
  readonly rule: string;
  readonly binding: boolean;
  /** What would have to change, said after "it waits until" or "it can run only when". */
  readonly change: string;
  check(asked: Asked, host: HostView, devices: () => FittingDevices): Fault | undefined;
}

const hosts: Filter = {
  rule: "placement.hosts",
  binding: true,
  change: "the job's placement.hosts names a registered host",
  check: ({ job }, { name }) => {
    const wanted = job.placement.hosts;
    if (wanted === undefined || wanted.includes(name)) return undefined;
    return { text: `The job asks for ${list(wanted, "or")}.` };
  },
};

const countries: Filter = {
  rule: "placement.countries",
  binding: true,
  change: "the job's placement.countries names a country of the fleet",
  check: ({ job }, { place }) => {
    const wanted = job.placement.countries;
    if (wanted === undefined || wanted.includes(place.country)) return undefined;
    return { text: `The job asks for ${list(wanted, "or")}; this host is in ${place.country}.` };
  },
};

const sites: Filter = {
  rule: "placement.sites",
  binding: true,
  change: "the job's placement.sites names a kind of site that the fleet has",
  check: ({ job }, { place }) => {
    const wanted = job.placement.sites;
    if (wanted === undefined || wanted.includes(place.site)) return undefined;
    return { text: `The job asks for a ${list(wanted, "or")} site; this one is ${place.site}.` };
  },
};

/** A run takes its inputs to its host. */
function exportRefusal({ bounds }: Asked, { place }: HostView): ExportRefusal | undefined {
  return bounds.exports?.find(
    ({ country, operator }) => country === place.country && operator === place.operator,
  );
}

/** Speaks with the id and text of the policy that decided. */
const law: Filter = {
  rule: "law",
  binding: true,
  change: "a host that this rule admits joins, or the terms of the data change",
  check: (asked, host) => {
    const verdict = asked.verdict(host);
    const refusal = verdict.allowed ? exportRefusal(asked, host) : verdict;
    if (refusal === undefined) return undefined;
    const { rule, text, law: statute } = refusal;
    return { rule, text, ...(statute === undefined ? {} : { law: statute }) };
  },
};

const inputs: Filter = {
  rule: "input.absent",
  binding: false,
  change: "the host that holds it is attached again",
  check: ({ bounds: { absent } }) => (absent === undefined ? undefined : { text: absent }),
};

const data: Filter = {
  rule: "data.absent",
  binding: false,
  change: "the folder of the data set is put on a lawful host",
  check: ({ job }, host) => {
    if (job.dataSet === undefined || host.dataSets.includes(job.dataSet)) return undefined;
    return { text: `The host does not hold data set ${job.dataSet}.` };
  },
};

const attached: Filter = {
  rule: "host.detached",
  binding: false,
  change: "the agent of a lawful host is attached again",
  check: (_, host) => (host.attached ? undefined : { text: "The host's agent is not attached." }),
};

const cordoned: Filter = {
  rule: "host.cordoned",
  binding: false,
  change: "the operator of a lawful host lets it take runs again (`quipu host uncordon`)",
  check: (_, host) => {
    return host.cordoned ? { text: "The host's operator wants no new runs there." } : undefined;
  },
};

const cores: Filter = {
  rule: "host.cores",
  binding: false,
  change: "a lawful host with more cores joins, or the job asks for fewer",
  check: ({ job: { resources } }, { cores = 0 }) => {
    const { cores: needs = 0 } = resources;
    if (needs <= cores) return undefined;
    return { text: `The job needs ${needs} cores; this host has ${cores}.` };
  },
};

const hostMemory: Filter = {
  rule: "host.memory",
  binding: false,
  change: "a lawful host with more memory joins, or the job asks for less",
  check: ({ job: { resources } }, { memoryBytes = 0 }) => {
    const { hostMemoryBytes: needs = 0 } = resources;
    if (needs <= memoryBytes) return undefined;
    return { text: `The job needs ${needs} bytes of the host; this one has ${memoryBytes}.` };
  },
};

const kind: Filter = {
  rule: "device.kind",
  binding: false,
  change: "a lawful host with such a device joins",
  check: ({ job }, host, devices) => {
    const { kinds, count } = devices();
    if (kinds.length >= count) return undefined;
    if (kinds.length > 0) return tooFew(count, kinds.length, "this host has");
    const wanted = job.resources.device === "any" && count === 1 ? "a" : `a ${kindText(job)}`;
    return { text: `The job needs ${wanted} device; this host has ${deviceList(host.devices)}.` };
  },
};

const backend: Filter = {
  rule: "device.backend",
  binding: false,
  change: "a lawful host whose devices run that backend joins",
  check: ({ job }, _, devices) => {
    const { backends, count } = devices();
    if (backends.length >= count) return undefined;
    const name = taskBackend(job.task);
    if (backends.length > 0) return tooFew(count, backends.length, `backend ${name} runs here on`);
    return { text: `No device of this host runs backend ${name}.` };
  },
};

const memory: Filter = {
  rule: "device.memory",
  binding: false,
  change: "a lawful host with a larger device joins, or the job asks for less memory",
  check: ({ job }, _, devices) => {
    const { backends, roomy, count } = devices();
    if (roomy.length >= count) return undefined;
    const most = Math.max(...backends.map(({ memoryBytes }) => memoryBytes));
    const needs = job.resources.memoryBytes;
    if (roomy.length > 0) return tooFew(count, roomy.length, `${needs} bytes each are here on`);
    return { text: `The job needs ${needs} bytes on one device; the largest here has ${most}.` };
  },
};

const budget: Filter = {
  rule: "price.budget",
  binding: true,
  change: "its budget grows, or a cheaper device joins",
  check: ({ job, book }, host, devices) => {
    const { roomy, affordable, count } = devices();
    if (affordable.length >= count) return undefined;
    const { nanos = 0, currency = "", seconds = 0 } = job.budget ?? {};
    const prices = roomy.flatMap((device) => {
      const price = book === undefined ? undefined : priceOf(book, host.place, device);
      return price?.currency === currency ? [price.nanosPerSecond] : [];
    });
    const dear = prices.sort((a, b) => a - b)[count - 1];
    if (dear === undefined) {
      const what = count === 1 ? "No device here has" : `No ${count} devices here have`;
      const other = book === undefined || book.currency === currency ? "" : otherText(book);
      return { text: `${what} a price in ${currency}${other}.` };
    }
    const most = amountText(costOf(job, dear));
    const each = count === 1 ? "" : ` on ${count} devices`;
    const allowed = amountText(BigInt(nanos));
    return { text: `${seconds} s${each} cost ${most} ${currency} here; the budget is ${allowed}.` };
  },
};

export const quotaRule = "quota.devices";

const quota: Filter = {
  rule: quotaRule,
  binding: false,
  change: "a run of the same owner ends, or its quota grows (`quipu quota set`)",
  check: ({ bounds }, _, devices) => {
    const { affordable, granted, count } = devices();
    if (granted.length >= count) return undefined;
    const kinds = new Set(affordable.map(deviceKind));
    const texts = (bounds.kinds ?? []).filter(({ kind }) => kinds.has(kind));
    return { text: texts.map(({ text }) => text).join(" ") };
  },
};

const elsewhere: Filter = {
  rule: "retry.elsewhere",
  binding: false,
  change: "another lawful host has room, or none is left that could have",
  check: ({ bounds }, { name }) => {
    if (!bounds.failedHosts?.includes(name)) return undefined;
    return { text: "The job failed here before, and another lawful host may run it." };
  },
};

const busyRule = "device.busy";
const busyHostRule = "host.busy";

/** Whether whoever is kept out by a rule would have got the job with room. */
export function isBusy(rule: string): boolean {
  return rule === busyRule || rule === busyHostRule;
}

const room: Filter = {
  rule: busyRule,
  binding: false,
  change: "a run on one of them ends",
  check: (_, __, devices) => {
    const { granted, free, count } = devices();
    if (free.length >= count) return undefined;
    if (free.length > 0) return tooFew(count, free.length, "free here are");
    return {
      text: `Every fitting device is busy: ${list(
        granted.map(({ id }) => id),
        "and",
      )}.`,
    };
  },
};

const hostRoom: Filter = {
  rule: busyHostRule,
  binding: false,
  change: "a run there ends that holds cores or memory of the host",
  check: ({ job: { resources } }, host) => {
    const { cores = 0, hostMemoryBytes = 0 } = resources;
    if (cores === 0 && hostMemoryBytes === 0) return undefined;
    const { slots, memoryBytes } = freeOfHost(host);
    if (cores > slots) return { text: `The job needs ${cores} cores; ${slots} are free here.` };
    if (hostMemoryBytes <= memoryBytes) return undefined;
    const text = `The job needs ${hostMemoryBytes} bytes of the host; ${memoryBytes} are free here.`;
    return { text };
  },
};

/** Before all others: no host's own faults matter to a gang that the whole fleet is too small for. */
const neverFits: Filter = {
  rule: "gang.never-fits",
  binding: true,
  change: "more hosts that fit are registered, its owner's quota grows, or the gang is smaller",
  check: ({ bounds }) => {
    const { size = 0, most = size } = bounds.gang ?? {};
    if (most >= size) return undefined;
    const members = `${most} of the gang's ${size} members`;
    return { text: `The fleet holds at most ${members}, even when nothing else runs.` };
  },
};

const otherHost: Filter = {
  rule: "gang.spread",
  binding: false,
  change: "another lawful host has room",
  check: ({ bounds }, { name }) => {
    if (!bounds.gang?.hosts?.includes(name)) return undefined;
    return { text: "Another member of the gang is on this host, and no two may be." };
  },
};

/** After all others: whoever is kept out by it has room for some members, and not for all. */
export const gangRule = "gang.room";

const wholeGang: Filter = {
  rule: gangRule,
  binding: false,
  change: "there is room for all of its members at once",
  check: ({ bounds }) => {
    const { size, room, next } = bounds.gang ?? {};
    if (room === undefined) return undefined;
    const why = next === undefined ? "" : `; ${next} keeps the next one out`;
    return { text: `There is room for ${room} of the gang's ${size} members${why}.` };
  },
};

/** Order is meaning: a later filter may rely on every earlier one. */
export const filters: readonly Filter[] = Object.freeze([
  neverFits,
  hosts,
  countries,
  sites,
  law,
  inputs,
  data,
  attached,
  cordoned,
  cores,
  hostMemory,
  kind,
  backend,
  memory,
  budget,
  quota,
  elsewhere,
  otherHost,
  room,
  hostRoom,
  wholeGang,
]);

/** How far a host came that this rule kept out. A rule that is no filter's own name is a policy's. */
export function depthOf(rule: string): number {
  return filters.indexOf(filterOf(rule));
}

export function filterOf(rule: string): Filter {
  return filters.find((each) => each.rule === rule) ?? law;
}

/** Some devices are as they should be, and fewer than the job needs. */
function tooFew(count: number, here: number, what: string): Fault {
  return { text: `The job needs ${count} devices of one host; ${what} ${here}.` };
}

function otherText({ currency }: PriceBook): string {
  return `; prices here are in ${currency}`;
}

function kindText({ resources }: JobSpec): string {
  return wantedKinds(resources).join(" or ");
}

function list(words: readonly string[], last: "and" | "or"): string {
  if (words.length === 0) return "nothing";
  const sorted = [...words].sort();
  return sorted.length === 1
    ? `${sorted[0]}`
    : `${sorted.slice(0, -1).join(", ")} ${last} ${sorted.at(-1)}`;
}

function deviceList(devices: readonly Device[]): string {
  const kinds = [...new Set(devices.map(deviceKind))].sort();
  return kinds.length === 0 ? "none" : kinds.join(" and ");
}
