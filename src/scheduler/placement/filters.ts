/**
 * What keeps a host out, cheap to dear; the first that fails is the host's reason. `binding` filters
 * do not depend on load: a job that no host passes them for is refused. The others only make it wait.
 * Rule names are stable: they stand in decisions, receipts and what people script against.
 */
import type { ExportRefusal } from "../../model/decision.js";
import { freeOfHost, type HostView } from "../../model/host.js";
import { deviceFilters, tooFew } from "./device-filters.js";
import { type Asked, type Filter, list } from "./filter.js";

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

const audited: Filter = {
  rule: "audit.elsewhere",
  binding: true,
  change: "another lawful host joins",
  check: ({ bounds }, { name }) => {
    if (!bounds.audited?.includes(name)) return undefined;
    return { text: "The host has answered for the run that is run again." };
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
    const { unasked, free, count } = devices();
    if (free.length >= count) return undefined;
    if (free.length > 0) return tooFew(count, free.length, "free here are");
    return {
      text: `Every fitting device is busy: ${list(
        unasked.map(({ id }) => id),
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
  audited,
  inputs,
  data,
  attached,
  cordoned,
  cores,
  hostMemory,
  ...deviceFilters,
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
