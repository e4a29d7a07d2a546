/** Bytes read and written by whole disks, from `/proc/diskstats`. */
import type { DiskSample } from "../../model/telemetry.js";
import { type Collector, count } from "./collector.js";

/** The kernel counts in these units whatever the disk's own sectors are. */
const sectorBytes = 512;

/** Partitions would count bytes twice; RAM disks, loops and optical drives are no storage. */
const skipped = /^(ram|zram|loop|fd|sr|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$/;

export const disks: Collector<readonly DiskSample[], readonly DiskSample[]> = {
  name: "disks",
  file: "diskstats",
  bytesMax: 1024 * 1024,
  parse(text) {
    const samples: DiskSample[] = [];
    for (const line of text.split("\n")) {
      // major minor name reads merged sectors-read ms writes merged sectors-written …
      const fields = line.trim().split(/ +/);
      const device = fields[2];
      if (device === undefined || skipped.test(device)) continue;
      const readBytes = count(fields[5], `sectors read of ${device}`) * sectorBytes;
      const writtenBytes = count(fields[9], `sectors written of ${device}`) * sectorBytes;
      samples.push({ device, readBytes, writtenBytes });
    }
    return samples;
  },
  value: (now) => now,
};
