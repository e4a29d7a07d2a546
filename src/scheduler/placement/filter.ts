/** What a filter is: one reason to keep a host out, in words. */
import type { HostView } from "../../model/host.js";
import type { Verdict } from "../policy/verdict.js";
import type { FittingDevices, Wish } from "./devices.js";

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

export function list(words: readonly string[], last: "and" | "or"): string {
  if (words.length === 0) return "nothing";
  const sorted = [...words].sort();
  return sorted.length === 1
    ? `${sorted[0]}`
    : `${sorted.slice(0, -1).join(", ")} ${last} ${sorted.at(-1)}`;
}
