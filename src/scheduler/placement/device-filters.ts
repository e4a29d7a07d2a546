/**
 * What keeps a host out because of its devices, free or not. Each list of fitting devices is a part of the
 * one before it, so the first that is shorter than the job needs is the reason.
 */
import { type Device, deviceKind } from "../../model/host.js";
import { type JobSpec, taskBackend, wantedKinds } from "../../model/job.js";
import { amountText, type PriceBook, priceOf } from "../../model/price-book.js";
import { costOf } from "./devices.js";
import { egressOf } from "./egress.js";
import { type Fault, type Filter, list } from "./filter.js";

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

const slice: Filter = {
  rule: "device.slice",
  binding: false,
  change: "a lawful host with such a device joins, or the job asks for another `slice`",
  check: ({ job: { resources } }, _, devices) => {
    const { kinds, slices, count } = devices();
    if (slices.length >= count) return undefined;
    const wanted = resources.slice === undefined ? "whole devices" : `a slice ${resources.slice}`;
    if (slices.length > 0) return tooFew(count, slices.length, `${wanted} here are`);
    const there = list([...new Set(kinds.map((one) => one.slice ?? "whole devices"))], "and");
    return { text: `The job needs ${wanted}; this host has ${there}.` };
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

const capability: Filter = {
  rule: "device.capability",
  binding: false,
  change: "a lawful host with a newer device joins, or the job asks for less",
  check: ({ job }, _, devices) => {
    const { backends, capable, count } = devices();
    if (capable.length >= count) return undefined;
    const least = job.resources.computeCapabilityMin;
    if (capable.length > 0) return tooFew(count, capable.length, `capability ${least} have`);
    const there = [
      ...new Set(backends.map((one) => one.computeCapability ?? "none that is known")),
    ];
    const text = `The job needs compute capability ${least}; here is ${list(there, "and")}.`;
    return { text };
  },
};

const driver: Filter = {
  rule: "device.driver",
  binding: false,
  change: "the driver of a lawful host is brought up to date, or the job asks for an older one",
  check: ({ job }, _, devices) => {
    const { capable, driven, count } = devices();
    if (driven.length >= count) return undefined;
    const least = job.resources.driverMin;
    if (driven.length > 0) return tooFew(count, driven.length, `driver ${least} or newer have`);
    const there = [...new Set(capable.map((one) => one.driverVersion ?? "none that is known"))];
    return { text: `The job needs GPU driver ${least} or newer; here is ${list(there, "and")}.` };
  },
};

const memory: Filter = {
  rule: "device.memory",
  binding: false,
  change: "a lawful host with a larger device joins, or the job asks for less memory",
  check: ({ job }, _, devices) => {
    const { driven, roomy, count } = devices();
    if (roomy.length >= count) return undefined;
    const most = Math.max(...driven.map(({ memoryBytes }) => memoryBytes));
    const needs = job.resources.memoryBytes;
    if (roomy.length > 0) return tooFew(count, roomy.length, `${needs} bytes each are here on`);
    return { text: `The job needs ${needs} bytes on one device; the largest here has ${most}.` };
  },
};

const budget: Filter = {
  rule: "price.budget",
  binding: true,
  change: "its budget grows, or a cheaper device joins",
  check: (asked, host, devices) => {
    const { roomy, affordable, count } = devices();
    if (affordable.length >= count) return undefined;
    const { job, book } = asked;
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
    const most = amountText(costOf(job, dear, seconds));
    const egress = egressOf(asked, host) ?? 0n;
    const inputs = egress === 0n ? "" : `, and bringing its inputs ${amountText(egress)}`;
    const each = count === 1 ? "" : ` on ${count} devices`;
    const allowed = amountText(BigInt(nanos));
    return {
      text: `${seconds} s${each} cost ${most} ${currency} here${inputs}; the budget is ${allowed}.`,
    };
  },
};

const health: Filter = {
  rule: "device.health",
  binding: false,
  change: "a device there is healthy again",
  check: (_, __, devices) => {
    const { affordable, healthy, count } = devices();
    if (healthy.length >= count) return undefined;
    if (healthy.length > 0) return tooFew(count, healthy.length, "healthy here are");
    const states = affordable.map(({ id, health = "healthy" }) => `${id} (${health})`);
    return { text: `No fitting device is healthy: ${list(states, "and")}.` };
  },
};

const quotaRule = "quota.devices";

const quota: Filter = {
  rule: quotaRule,
  binding: false,
  change: "a run of the same owner ends, or its quota grows (`quipu quota set`)",
  check: ({ bounds }, _, devices) => {
    const { healthy, granted, count } = devices();
    if (granted.length >= count) return undefined;
    const kinds = new Set(healthy.map(deviceKind));
    const texts = (bounds.kinds ?? []).filter(({ kind }) => kinds.has(kind));
    return { text: texts.map(({ text }) => text).join(" ") };
  },
};

const otherKind: Filter = {
  rule: "audit.kind",
  binding: false,
  change: "no lawful host has another kind of device free",
  check: (_, __, devices) => {
    const { unasked, count } = devices();
    if (unasked.length >= count) return undefined;
    return { text: "Another kind of device is asked first about the run that is run again." };
  },
};

/** In the order of those lists. */
export const deviceFilters: readonly Filter[] = Object.freeze([
  kind,
  slice,
  backend,
  capability,
  driver,
  memory,
  budget,
  health,
  quota,
  otherKind,
]);

/** Some devices are as they should be, and fewer than the job needs. */
export function tooFew(count: number, here: number, what: string): Fault {
  return { text: `The job needs ${count} devices of one host; ${what} ${here}.` };
}

function otherText({ currency }: PriceBook): string {
  return `; prices here are in ${currency}`;
}

function kindText({ resources }: JobSpec): string {
  return wantedKinds(resources).join(" or ");
}

function deviceList(devices: readonly Device[]): string {
  const kinds = [...new Set(devices.map(deviceKind))].sort();
  return kinds.length === 0 ? "none" : kinds.join(" and ");
}
