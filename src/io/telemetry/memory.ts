/** Memory and swap from `/proc/meminfo`. */
import { QuipuError } from "../../base/errors.js";
import type { MemorySample } from "../../model/telemetry.js";
import { type Collector, count } from "./collector.js";

export const memory: Collector<MemorySample, MemorySample> = {
  name: "memory",
  file: "meminfo",
  bytesMax: 64 * 1024,
  parse(text) {
    const bytes = (key: string): number => {
      const match = new RegExp(`^${key}: +(\\S+) kB$`, "m").exec(text);
      if (match === null) throw new QuipuError("DATA_INVALID", `no line for ${key}`);
      return count(match[1], key) * 1024;
    };
    return {
      totalBytes: bytes("MemTotal"),
      availableBytes: bytes("MemAvailable"),
      swapTotalBytes: bytes("SwapTotal"),
      swapFreeBytes: bytes("SwapFree"),
    };
  },
  value: (now) => now,
};
