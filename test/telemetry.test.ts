import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { type Collector, staleMsMax } from "../src/io/telemetry/collector.js";
import { cpu } from "../src/io/telemetry/cpu.js";
import { disks } from "../src/io/telemetry/disk.js";
import { readInventory } from "../src/io/telemetry/inventory.js";
import { KeptFile } from "../src/io/telemetry/kept-file.js";
import { load } from "../src/io/telemetry/load.js";
import { memory } from "../src/io/telemetry/memory.js";
import { renderMetrics } from "../src/io/telemetry/metrics.js";
import { networks } from "../src/io/telemetry/network.js";
import { rowsMax, Sampler } from "../src/io/telemetry/sampler.js";
import { startTelemetry } from "../src/io/telemetry/telemetry.js";
import type { GpuSample, Sample } from "../src/model/telemetry.js";

const fixture = "test/fixtures/proc";
const text = (file: string): string => readFileSync(join(fixture, file), "utf8");

const scratch = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

function copyOfProc(name: string): string {
  const root = join(scratch, name);
  cpSync(fixture, root, { recursive: true });
  return root;
}

function handClock() {
  const clock = { boot: 1_000, wallMs: () => 1_767_323_045_000, bootMs: () => clock.boot };
  return clock;
}

const h200: GpuSample = {
  device: "cuda:0",
  model: "NVIDIA H200",
  utilization: 0.5,
  memoryUsedBytes: 1024,
  memoryTotalBytes: 150_754_820_096,
  temperatureCelsius: 41,
  powerWatts: Number.NaN,
};

t.test("parsers read what the kernel writes", async (t) => {
  t.same(cpu.parse(text("stat")), { total: 394126, idle: 333149 });
  t.same(load.parse(text("loadavg")), { load1m: 1.29, load5m: 1.41, load15m: 0.79 });
  t.same(memory.parse(text("meminfo")), {
    totalBytes: 24684092 * 1024,
    availableBytes: 24260132 * 1024,
    swapTotalBytes: 2097148 * 1024,
    swapFreeBytes: 2000000 * 1024,
  });
  t.same(disks.parse(text("diskstats")), [
    { device: "nvme0n1", readBytes: 20971520 * 512, writtenBytes: 41943040 * 512 },
    { device: "sda", readBytes: 800 * 512, writtenBytes: 4503599627370 * 512 },
    { device: "mmcblk0", readBytes: 40 * 512, writtenBytes: 0 },
    { device: "dm-0", readBytes: 7200 * 512, writtenBytes: 80 * 512 },
  ]);
  t.same(networks.parse(text("net/dev")), [
    { interface: "eth0", receivedBytes: 336162109, transmittedBytes: 803411 },
    { interface: "docker0", receivedBytes: 0, transmittedBytes: 0 },
    { interface: "ib0", receivedBytes: Number.MAX_SAFE_INTEGER, transmittedBytes: 4096 },
  ]);
  const utilization = (total: number, idle: number) =>
    cpu.value({ total, idle }, { total: 1000, idle: 500 });
  t.equal(cpu.value({ total: 1000, idle: 500 }, undefined), undefined, "one reading is no span");
  t.equal(utilization(1200, 550), 0.75);
  t.equal(utilization(1200, 750), 0, "idle ticks that ran ahead");
  t.equal(utilization(1200, 490), 1, "waiting time that went down");
  t.equal(utilization(1000, 500), undefined, "within one tick");
  t.throws(() => utilization(900, 500), { code: "DATA_INVALID" });
  t.same(cpu.parse("cpu 1 2 3 4\n"), { total: 10, idle: 4 }, "a kernel with fewer columns");
});

t.test("what the kernel would not write is an error, never a number", async (t) => {
  const broken: [Collector<unknown, unknown>, string][] = [
    [cpu, ""],
    [cpu, "cpu0 1 2 3 4\n"],
    [cpu, "cpu  1 2 x 4\n"],
    [cpu, "cpu  1 2\n"],
    [load, "1.29 1.41\n"],
    [load, "nan nan nan 1/2 3\n"],
    [memory, text("meminfo").replace(/MemAvailable.*\n/, "")],
    [memory, text("meminfo").replace("24260132", "-1")],
    [disks, "   8       0 sda 100 0\n"],
    [networks, "a\nb\n eth0: 1 2 3\n"],
    [networks, text("net/dev").replace("803411", "0x1")],
  ];
  for (const [collector, input] of broken) {
    t.throws(() => collector.parse(input), { code: "DATA_INVALID" }, collector.name);
  }
});

t.test("a kept file is opened once, read whole, and opened again after a failure", async (t) => {
  const path = join(scratch, "kept");
  writeFileSync(path, "one");
  const kept = new KeptFile(path, 64 * 1024);
  t.teardown(() => kept.close());
  t.equal(kept.read(), "one");
  writeFileSync(path, "x".repeat(20_000));
  t.equal(kept.read(), "x".repeat(20_000), "longer than the first buffer");
  writeFileSync(path, "two");
  t.equal(kept.read(), "two");
  renameSync(path, `${path}.moved`);
  t.equal(kept.read(), "two", "the descriptor is kept, so the name no longer matters");
  writeFileSync(`${path}.moved`, "y".repeat(64 * 1024 + 1));
  t.throws(() => kept.read(), { code: "LIMIT_EXCEEDED" });
  t.throws(() => kept.read(), { code: "NOT_FOUND" }, "after a failure the name is looked up again");
  writeFileSync(path, "three");
  t.equal(kept.read(), "three");
});

t.test("one broken collector hides no other; old values say how old they are", async (t) => {
  const root = copyOfProc("broken");
  const clock = handClock();
  rmSync(join(root, "net/dev"));
  const sampler = new Sampler(clock, root, undefined);
  t.teardown(() => sampler.close());
  const stat = (line: string) => writeFileSync(join(root, "stat"), `${line}\n`);
  stat("cpu  37411 6286 9029 332403 846 120 238 7993 0 0");
  clock.boot += 1_000;
  const first = sampler.sample();
  t.equal(first.atMs, clock.wallMs());
  t.same(first.cpu, { utilization: 0.5, load1m: 1.29, load5m: 1.41, load15m: 0.79 });
  t.equal(first.disks.length, 4);
  t.same(first.networks, []);
  t.match(first.faults, [{ collector: "networks", text: /^no value yet: ENOENT/ }]);

  stat("nonsense");
  writeFileSync(join(root, "meminfo"), "MemTotal: many kB\n");
  writeFileSync(join(root, "net/dev"), text("net/dev"));
  clock.boot += 2_500;
  const second = sampler.sample();
  t.equal(second.cpu?.utilization, 0.5, "the last good value stands");
  t.same(second.memory, first.memory);
  t.equal(second.networks.length, 3, "the collector that was broken is back");
  t.same(
    second.faults.map(({ collector, text }) => `${collector}: ${text}`),
    [
      "cpu: value is 2.5 s old: no line for all cores",
      'memory: value is 2.5 s old: MemTotal is not a number: "many"',
    ],
  );
  clock.boot += staleMsMax;
  const third = sampler.sample();
  t.ok(Number.isNaN(third.cpu?.utilization), "too old to stand for now");
  t.equal(third.cpu?.load1m, 1.29);
  t.equal(third.memory, undefined);
  t.match(third.faults[0]?.text, /^no value for 32\.5 s: /);

  const lines = Array.from({ length: 200 }, (_, i) => `   8 ${i} dm-${i} 1 0 8 0 1 0 8 0 0 0 0`);
  writeFileSync(join(root, "diskstats"), `${lines.join("\n")}\n`);
  const crowded = sampler.sample();
  t.equal(crowded.disks.length, rowsMax);
  t.match(crowded.faults, [{ collector: "disks", text: "the first 64 of 200 are shown" }]);

  const nothing = new Sampler(clock, join(scratch, "nowhere"), undefined);
  const empty = nothing.sample();
  t.equal(empty.cpu, undefined);
  t.same(
    empty.faults.map(({ collector }) => collector),
    ["cpu", "load", "memory", "disks", "networks"],
  );
});

t.test("a running telemetry gives samples of this host until it is closed", async (t) => {
  const root = copyOfProc("live");
  const clock = handClock();
  const telemetry = startTelemetry({ intervalMs: 10, clock, procRoot: root });
  t.equal(telemetry.latest(), undefined);
  const seen: Sample[] = [];
  const end = telemetry.onSample((sample) => seen.push(sample));
  while (seen.length < 3) await sleep(5);
  end();
  const count = seen.length;
  await sleep(50);
  t.equal(seen.length, count, "no more calls after the end");
  t.same(telemetry.latest()?.memory, memory.parse(text("meminfo")));
  telemetry.close();
  const last = telemetry.latest();
  await sleep(50);
  t.equal(telemetry.latest(), last, "no more samples after the close");

  const real = new Sampler(
    { wallMs: Date.now, bootMs: () => performance.now() },
    "/proc",
    undefined,
  );
  t.teardown(() => real.close());
  const { memory: own, faults } = real.sample();
  t.same(faults, [], "every collector reads this machine's kernel");
  t.ok((own?.totalBytes ?? 0) > 2 ** 26);
});

t.test("inventory: facts once, data sets by their folders", async (t) => {
  const dataRoot = join(scratch, "data");
  for (const folder of ["digits", "a-set", ".hidden", "Not A Name"]) {
    mkdirSync(join(dataRoot, folder), { recursive: true });
  }
  writeFileSync(join(dataRoot, "file"), "");
  const device = { id: "cpu", model: "x", memoryBytes: 1, backends: ["portable"], slots: 1 };
  const options = { devices: [device], agentVersion: "0.1.0", procRoot: fixture };
  const inventory = await readInventory({ ...options, dataRoot });
  t.same(inventory.dataSets, [{ name: "a-set" }, { name: "digits" }]);
  t.same(inventory.devices, [device]);
  t.equal(inventory.driverVersion, "570.133.20");
  for (const key of ["hostname", "os", "kernel", "cpuModel"] as const) t.ok(inventory[key], key);
  t.ok(inventory.cpuCores >= 1 && inventory.memoryBytes > 2 ** 26);
  const bare = await readInventory({
    ...options,
    dataRoot: join(scratch, "no"),
    procRoot: scratch,
  });
  t.same([bare.dataSets, bare.driverVersion], [[], ""]);
  await t.rejects(readInventory({ ...options, dataRoot: join(dataRoot, "file") }), QuipuError);
});

const gpu = 'host="sg-1",hw_id="cuda:0",hw_name="NVIDIA H200"';
const expectedPage: [string, string, string[]][] = [
  ["quipu_telemetry_timestamp_seconds", "gauge", ['{host="sg-1"} 1767323045', '{host="c\\"l"} 0']],
  ["quipu_telemetry_collector_fault", "gauge", ['{host="sg-1",collector="disks"} 1']],
  ["system_cpu_utilization_ratio", "gauge", ['{host="sg-1"} 0.25']],
  ["system_cpu_load_average_1m", "gauge", ['{host="sg-1"} 1']],
  ["system_cpu_load_average_5m", "gauge", ['{host="sg-1"} 2']],
  ["system_cpu_load_average_15m", "gauge", ['{host="sg-1"} 3']],
  ["system_memory_limit_bytes", "gauge", ['{host="sg-1"} 100']],
  ["system_linux_memory_available_bytes", "gauge", ['{host="sg-1"} 60']],
  [
    "system_paging_usage_bytes",
    "gauge",
    ['{host="sg-1",state="free"} 4', '{host="sg-1",state="used"} 6'],
  ],
  [
    "system_disk_io_bytes_total",
    "counter",
    [
      '{host="sg-1",device="sda",direction="read"} 5',
      '{host="sg-1",device="sda",direction="write"} 6',
    ],
  ],
  [
    "system_network_io_bytes_total",
    "counter",
    [
      '{host="sg-1",device="eth0",direction="receive"} 7',
      '{host="sg-1",device="eth0",direction="transmit"} 8',
    ],
  ],
  ["hw_gpu_utilization_ratio", "gauge", [`{${gpu}} 0.5`]],
  ["hw_gpu_memory_usage_bytes", "gauge", [`{${gpu}} 1024`]],
  ["hw_gpu_memory_limit_bytes", "gauge", [`{${gpu}} 150754820096`]],
  ["hw_temperature_celsius", "gauge", [`{${gpu},hw_type="gpu"} 41`]],
  ["hw_power_watts", "gauge", []],
];
t.test("the Prometheus page, whole", async (t) => {
  const sample: Sample = {
    atMs: 1_767_323_045_000,
    cpu: { utilization: 0.25, load1m: 1, load5m: 2, load15m: 3 },
    memory: { totalBytes: 100, availableBytes: 60, swapTotalBytes: 10, swapFreeBytes: 4 },
    disks: [{ device: "sda", readBytes: 5, writtenBytes: 6 }],
    networks: [{ interface: "eth0", receivedBytes: 7, transmittedBytes: 8 }],
    gpus: [h200],
    faults: [
      { collector: "disks", text: "a" },
      { collector: "disks", text: "b" },
    ],
  };
  const bare: Sample = { atMs: 0, disks: [], networks: [], gpus: [], faults: [] };
  const page = await renderMetrics(
    new Map([
      ["sg-1", sample],
      ['c"l', bare],
    ]),
  );
  const shown = page
    .trim()
    .split("\n\n")
    .map((block) => block.split("\n").filter((line) => !line.startsWith("# HELP")));
  t.same(
    shown,
    expectedPage.map(([name, kind, rows]) => [
      `# TYPE ${name} ${kind}`,
      ...rows.map((row) => `${name}${row}`),
    ]),
  );
  t.equal(page.match(/^# HELP \S+ \S.+$/gm)?.length, expectedPage.length, "each metric has a HELP");
  t.ok(page.endsWith("\n"));
});
