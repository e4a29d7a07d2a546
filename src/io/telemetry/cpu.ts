/** Share of all cores in use between two readings of `/proc/stat` (proc_stat(5)). */
import { QuipuError } from "../../base/errors.js";
import { type Collector, count } from "./collector.js";

export interface CpuTimes {
  /** Clock ticks of all cores since boot. */
  readonly total: number;
  readonly idle: number;
}

/** Ticks in the order of the file: user nice system idle iowait irq softirq steal; guests are in user. */
const columns = 8;

export const cpu: Collector<CpuTimes, number> = {
  name: "cpu",
  file: "stat",
  bytesMax: 4 * 1024 * 1024, // one line a core and one number an interrupt
  parse(text) {
    const fields = text.slice(0, text.indexOf("\n")).split(/ +/);
    if (fields[0] !== "cpu") throw new QuipuError("DATA_INVALID", "no line for all cores");
    const ticks = fields.slice(1, 1 + columns).map((field) => count(field, "a tick count"));
    const [, , , idle = Number.NaN, waiting = 0] = ticks;
    if (Number.isNaN(idle)) throw new QuipuError("DATA_INVALID", "fewer than four tick counts");
    return { total: ticks.reduce((sum, tick) => sum + tick, 0), idle: idle + waiting };
  },
  value(now, before) {
    if (before === undefined) return undefined;
    const total = now.total - before.total;
    if (total < 0) throw new QuipuError("DATA_INVALID", "the tick counts went backwards");
    if (total === 0) return undefined; // sampled within one tick
    // The kernel documents that waiting time may decrease, so the share is held to its range.
    return Math.min(1, Math.max(0, 1 - (now.idle - before.idle) / total));
  },
};
