/** Bytes received and sent by each interface, from `/proc/net/dev`. */
import type { NetworkSample } from "../../model/telemetry.js";
import { type Collector, count } from "./collector.js";

/** Loopback never leaves the host; the host's end of a container's link counts bytes twice. */
const skipped = /^(lo|veth.*)$/;

export const networks: Collector<readonly NetworkSample[], readonly NetworkSample[]> = {
  name: "networks",
  file: "net/dev",
  bytesMax: 1024 * 1024,
  parse(text) {
    const samples: NetworkSample[] = [];
    for (const line of text.split("\n").slice(2)) {
      const colon = line.lastIndexOf(":");
      const name = line.slice(0, colon).trim();
      if (colon < 0 || skipped.test(name)) continue;
      // A wide counter may stand against the colon: "eth0:123".
      const fields = line
        .slice(colon + 1)
        .trim()
        .split(/ +/);
      const receivedBytes = count(fields[0], `bytes received by ${name}`);
      const transmittedBytes = count(fields[8], `bytes sent by ${name}`);
      samples.push({ interface: name, receivedBytes, transmittedBytes });
    }
    return samples;
  },
  value: (now) => now,
};
