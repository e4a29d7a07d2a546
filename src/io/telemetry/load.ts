/** Load averages from `/proc/loadavg`. */
import { QuipuError } from "../../base/errors.js";
import type { CpuSample } from "../../model/telemetry.js";
import type { Collector } from "./collector.js";

export type Load = Omit<CpuSample, "utilization">;

export const load: Collector<Load, Load> = {
  name: "load",
  file: "loadavg",
  bytesMax: 4096,
  parse(text) {
    const match = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) /.exec(text);
    if (match === null) throw new QuipuError("DATA_INVALID", "not three load averages");
    return { load1m: Number(match[1]), load5m: Number(match[2]), load15m: Number(match[3]) };
  },
  value: (now) => now,
};
