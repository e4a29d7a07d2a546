/**
 * The addon as a part of a process: worker threads, exit, threads, the service manager, GPUs that are lost;
 * and its own unit tests.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { blake3 as nobleBlake3 } from "@noble/hashes/blake3.js";
import t from "tap";
import { toHex } from "../src/base/bytes.js";
import type { QuipuError } from "../src/base/errors.js";
import { hashAsync, OwnedBytes } from "../src/compute/native/hashing.js";
import { allocate } from "../src/compute/native/memory.js";
import { openNvml } from "../src/compute/native/nvml.js";
import { bootMs, sdNotify } from "../src/compute/native/system.js";
import { failure } from "./failure.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const unitTests = "build/native-test";
t.test(
  "the native unit tests",
  { skip: existsSync(unitTests) ? false : `${unitTests} is not built: no C++ compiler here` },
  async (t) => {
    const { stdout, status, signal } = spawnSync(unitTests, { encoding: "utf8" });
    for (const line of stdout.split("\n")) {
      const [, not, name = "", skip] = /^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$/.exec(line) ?? [];
      if (skip !== undefined) t.ok(true, name, { skip });
      else if (name !== "") t.equal(not, undefined, name);
    }
    t.match(stdout, /^1\.\.\d+$/m, "all of them ran");
    t.same([status, signal], [0, null]);
  },
);

t.test("worker threads hash, and may end with work in flight", async (t) => {
  const module = new URL("../src/compute/native/hashing.js", import.meta.url).href;
  const run = (body: string) =>
    new Promise<unknown>((resolve, reject) => {
      const worker = new Worker(
        `import(${JSON.stringify(module)}).then(async (native) => {
           const { parentPort } = await import("node:worker_threads");
           ${body}
         });`,
        { eval: true },
      );
      let message: unknown;
      worker.once("message", (value) => {
        message = value;
      });
      worker.once("error", reject);
      worker.once("exit", () => resolve(message));
    });
  const want = toHex(nobleBlake3(new Uint8Array(3_000_000)));
  const hash = `parentPort.postMessage(
    Buffer.from(await native.hashAsync(new Uint8Array(3_000_000))).toString("hex"));`;
  t.same(await Promise.all([run(hash), run(hash), run(hash)]), [want, want, want]);
  const quit = `for (let i = 0; i < 50; i += 1) {
      native.hashAsync(new Uint8Array(2_000_000)).catch(() => undefined);
      native.hashFile("/etc/hostname").catch(() => undefined);
    }
    parentPort.postMessage("left"); process.exit(0);`;
  t.same(await Promise.all([run(quit), run(quit)]), ["left", "left"]);
  t.equal(toHex(await hashAsync(new Uint8Array(3_000_000))), want, "the main thread goes on");
});

t.test("the number of threads does not change the bits", async (t) => {
  const native = new URL("../src/compute/native/", import.meta.url).href;
  const body = `import { hashAsync, MerkleTree } from "${native}hashing.js";
    import { capabilities } from "${native}capabilities.js";
    const data = new Uint8Array(3_000_000).map((_, i) => i % 251);
    const leaves = Array.from({ length: 5000 }, (_, i) => data.subarray(i, i + 33));
    const tree = new MerkleTree();
    await tree.appendAsync(leaves);
    console.log(capabilities({ probeCuda: false }).threads,
      Buffer.from(await hashAsync(data)).toString("hex"),
      Buffer.from(tree.root()).toString("hex"));`;
  const run = (threads: string): string[] =>
    execFileSync(process.execPath, ["--input-type=module", "-e", body], {
      env: { ...process.env, QUIPU_THREADS: threads },
      encoding: "utf8",
    })
      .trim()
      .split(" ");
  const [one, five] = [run("1"), run("5")];
  t.same([one[0], five[0]], ["1", "5"]);
  t.same(one.slice(1), five.slice(1));
});

t.test("without an addon that loads, the first call says what to do", async (t) => {
  const named = process.env.QUIPU_ADDON;
  delete process.env.QUIPU_ADDON;
  t.teardown(() => {
    if (named !== undefined) process.env.QUIPU_ADDON = named;
  });
  const root = join(folder, "no-addon");
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(join(root, "package.json"), `{"type":"module"}`);
  for (const room of ["base", "compute/native"]) {
    cpSync(new URL(`../src/${room}`, import.meta.url), join(root, "src", room), {
      recursive: true,
    });
  }
  const copy = (await import(
    pathToFileURL(join(root, "src/compute/native/binding.js")).href
  )) as typeof import("../src/compute/native/binding.js");
  const refuses = (what: RegExp): void => {
    try {
      copy.binding();
      t.ok(false, "it loaded");
    } catch (thrown) {
      const { code, message, next } = thrown as QuipuError;
      t.equal(code, "ADDON_MISSING");
      t.match(message, what);
      t.match(next ?? "", /npm run setup/);
    }
  };
  refuses(/is not built/);
  writeFileSync(join(root, "build/quipu.node"), "not a program");
  refuses(/does not load/);
});

t.test("the process may exit with work in flight", async (t) => {
  const module = new URL("../src/compute/native/hashing.js", import.meta.url).href;
  const body = `import { hashAsync } from ${JSON.stringify(module)};
    for (let i = 0; i < 20; i += 1) hashAsync(new Uint8Array(4_000_000));
    setImmediate(() => process.exit(7));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", body], { stdio: "inherit" });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once("exit", (code, signal) => resolve([code, signal]));
  });
  t.same([code, signal], [7, null]);
});

t.test(
  "the service manager hears us, by path and by abstract name",
  {
    ...(existsSync("/usr/bin/perl") ? {} : { skip: "no perl here to receive a unix datagram" }),
  },
  async (t) => {
    t.equal(sdNotify("READY=1", undefined), false, "nobody asked");
    const uptimeMs = 1000 * Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
    t.ok(Math.abs(bootMs() - uptimeMs) < 60_000, "the clock that does not stop in sleep");
    const receive = `use Socket; $| = 1; my $name = $ARGV[0]; $name =~ s/^@/\\0/;
    socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($name)) or die $!;
    print "bound\\n"; recv($s, my $text, 4096, 0); print $text;`;
    for (const socket of [join(folder, "notify"), `@quipu-test-${process.pid}`]) {
      const child = spawn("/usr/bin/perl", ["-e", receive, socket]);
      let heard = "";
      const ended = new Promise((resolve) => child.once("close", resolve));
      await new Promise<void>((resolve) => {
        child.stdout.on("data", (chunk) => {
          heard += String(chunk);
          if (heard.startsWith("bound")) resolve();
        });
        child.once("close", () => resolve());
      });
      t.equal(sdNotify("READY=1\nSTATUS=up", socket), true);
      await ended;
      t.equal(heard, "bound\nREADY=1\nSTATUS=up", socket);
    }
    t.equal(
      (await failure((async () => sdNotify("x", join(folder, "nobody")))())).code,
      "NOT_FOUND",
    );
    t.equal((await failure((async () => sdNotify("x", "relative"))())).code, "INVALID_ARGUMENT");
    t.equal(
      (await failure((async () => sdNotify("x", `/${"a".repeat(200)}`))())).code,
      "INVALID_ARGUMENT",
    );
  },
);

t.test("GPU readings are samples, or a reason in words", async (t) => {
  const nvml = openNvml();
  if (typeof nvml === "string") t.ok(nvml.length > 10, nvml);
  else t.ok(nvml.read().every(({ device, model }) => device.startsWith("cuda:") && model !== ""));
});

/** A management library of two devices, of which the first has fallen off the bus. */
const brokenNvml = `
int nvmlInit_v2(void) { return 0; }
const char* nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "?"; }
int nvmlSystemGetDriverVersion(char* text, unsigned size) { text[0] = '9'; text[1] = 0; return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) { *count = DEVICES; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void** device) { *device = 0; return i ? 0 : 15; }
int nvmlDeviceGetName(void* device, char* text, unsigned size) { text[0] = 'G'; text[1] = 0; return 0; }
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) { return 3; }
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* m) { m[0] = 8; m[2] = 2; return 0; }
int nvmlDeviceGetUtilizationRates(void* device, unsigned* rates) { return 3; }
int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* value) { *value = 40; return 0; }
int nvmlDeviceGetPowerUsage(void* device, unsigned* value) { return 3; }
`;

const compiler = { skip: spawnSync("cc", ["--version"]).status === 0 ? false : "no C compiler" };
t.test("a GPU that is lost hides no other", compiler, (t) => {
  const read = (devices: number): string => {
    const home = mkdtempSync(join(folder, "nvml-"));
    const source = join(home, "nvml.c");
    writeFileSync(source, brokenNvml);
    const library = join(home, "libnvidia-ml.so.1");
    execFileSync("cc", [`-DDEVICES=${devices}`, "-shared", "-fPIC", "-o", library, source]);
    const room = new URL("../src/compute/native/nvml.js", import.meta.url).href;
    const program = `import { openNvml } from "${room}";
      try { console.log(openNvml().read()); } catch (error) { console.log(error.message); }`;
    const env = { ...process.env, LD_LIBRARY_PATH: home };
    const flags = ["--input-type=module", "-e", program];
    return execFileSync(process.execPath, flags, { env, encoding: "utf8" });
  };
  const both = read(2);
  t.match(both, /device: 'cuda:0',\s+model: '',\s+utilization: NaN,\s+memoryUsedBytes: NaN/);
  t.match(both, /device: 'cuda:1',\s+model: 'G',\s+utilization: NaN,\s+memoryUsedBytes: 2/);
  t.match(both, /temperatureCelsius: 40,\s+powerWatts: NaN/);
  t.match(read(1), /nvmlDeviceGetHandleByIndex_v2: GPU is lost/);
  t.end();
});

t.test(
  "large memory asks for huge pages, and holds what it must",
  { skip: existsSync("/sys/kernel/mm/transparent_hugepage") ? false : "this kernel has none" },
  async (t) => {
    const advisedBytes = () =>
      [
        ...readFileSync("/proc/self/smaps", "utf8").matchAll(
          /^Size: +(\d+) [\s\S]*?^VmFlags:(.*)$/gm,
        ),
      ]
        .filter(([, , flags]) => flags?.split(" ").includes("hg"))
        .reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0);
    const sizeBytes = 2 ** 26 + 3;
    const before = advisedBytes();
    const made = new Uint8Array(allocate(sizeBytes));
    t.ok(
      made.every((byte) => byte === 0),
      "zeros",
    );
    made.forEach((_, at) => {
      made[at] = at % 251;
    });
    const shared = new Uint8Array(new SharedArrayBuffer(sizeBytes));
    shared.set(made);
    const kept = [made];
    for (const of of [made, shared, made.subarray(1)]) {
      const copy = OwnedBytes.copyOf(of).release();
      t.equal(Buffer.compare(copy, of), 0);
      t.same([copy.byteOffset, copy.buffer.byteLength], [0, of.length]);
      kept.push(copy);
    }
    // Half of a page at either end is somebody else's.
    t.ok(advisedBytes() - before > kept.length * (sizeBytes - 2 * 4096));
  },
);
