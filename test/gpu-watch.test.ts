import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { type GpuReply, type GpuRequest, serveGpus } from "../src/io/telemetry/gpu-message.js";
import { GpuWatch } from "../src/io/telemetry/gpu-watch.js";
import type { GpuSample } from "../src/model/telemetry.js";

const scratch = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

const h200: GpuSample = {
  device: "cuda:0",
  model: "NVIDIA H200",
  utilization: 0.5,
  memoryUsedBytes: 1024,
  memoryTotalBytes: 150_754_820_096,
  temperatureCelsius: 41,
  powerWatts: Number.NaN,
};

/** A helper process of a few lines; `starts` counts how often one was started. */
function helper(name: string, body: string): { path: string; starts: () => number } {
  const path = join(scratch, `${name}.mjs`);
  const log = join(scratch, `${name}.log`);
  writeFileSync(log, "");
  const gpus = `[{...${JSON.stringify(h200)}, powerWatts: NaN}]`;
  const count = `import { appendFileSync } from "node:fs"; appendFileSync(${JSON.stringify(log)}, "x");`;
  const reply = `const sample = () => process.send({ kind: "sample", gpus: ${gpus} });`;
  writeFileSync(
    path,
    `${count}\n${reply}\nprocess.on("disconnect", () => process.exit(0));\n${body}`,
  );
  return { path, starts: () => readFileSync(log, "utf8").length };
}

/** Watch time goes on by `stepMs` a tick; between ticks the processes get real time to answer. */
async function tickUntil(
  watch: GpuWatch,
  fromMs: number,
  stepMs: number,
  done: (nowMs: number) => boolean,
): Promise<number> {
  for (let nowMs = fromMs, ticks = 0; ticks < 3_000; nowMs += stepMs, ticks += 1) {
    watch.tick(nowMs);
    if (done(nowMs)) return nowMs;
    await sleep(10);
  }
  throw new Error("the watch never got there");
}

t.test("GPU helper: answers, hangs, dies, is absent", async (t) => {
  const times = { firstReplyMs: 50_000, replyMs: 50_000, restartMsMin: 1_000, restartMsMax: 4_000 };
  const watchOf = (path: string): GpuWatch => {
    const watch = new GpuWatch(path, times);
    t.teardown(() => watch.close());
    return watch;
  };
  const answers = (watch: GpuWatch) => (nowMs: number) => watch.reading(nowMs).gpus.length > 0;

  const good = helper("good", 'process.on("message", sample);');
  const watch = watchOf(good.path);
  const ready = await tickUntil(watch, 0, 1, answers(watch));
  t.same(watch.reading(ready).gpus, [h200], "NaN crosses the channel");
  const later = await tickUntil(watch, ready, 100, (nowMs) => nowMs > ready + 3_000);
  t.equal(watch.reading(later).gpus.length, 1);
  t.equal(good.starts(), 1, "no process is started in the loop");

  const once = 'let n = 0; process.on("message", () => { if (n++ === 0) sample(); });';
  const mute = helper("mute", once);
  const stuck = watchOf(mute.path);
  const first = await tickUntil(stuck, 0, 1, answers(stuck));
  stuck.tick(first + 1_000);
  stuck.tick(first + 3_000);
  const { gpus, fault } = stuck.reading(first + 3_000);
  t.match(fault?.text, /^value is 3\.\d s old: the GPU driver has not answered for [23]\.\d s$/);
  t.equal(gpus.length, 1, "the old value stands while it is not too old");
  stuck.tick(first + 60_000);
  const stopped = stuck.reading(first + 60_000);
  t.match(
    stopped.fault?.text,
    /^no value for \d+\.\d s: .* not answered .*; its helper is stopped$/,
  );
  t.same(stopped.gpus, [], "too old to stand for now");
  const back = await tickUntil(stuck, first + 60_001, 10, () => mute.starts() > 1);
  await tickUntil(stuck, back, 1, (nowMs) => stuck.reading(nowMs).fault === undefined);
  t.equal(mute.starts(), 2, "one helper at a time, and the next one heals it");

  const deaf = helper("deaf", "process.on('SIGTERM', () => {}); for (;;) {}");
  const hung = watchOf(deaf.path);
  const started = await tickUntil(hung, 0, 1, () => deaf.starts() === 1);
  hung.tick(started + 60_000);
  t.match(hung.reading(started + 60_000).fault?.text, /^no value yet: .*its helper is stopped$/);
  await tickUntil(hung, started + 60_001, 10, () => deaf.starts() === 2);
  hung.close();

  const dying = helper("dying", "process.exit(3);");
  const restless = watchOf(dying.path);
  const dead = await tickUntil(restless, 0, 100, () => dying.starts() === 3);
  const text = /the GPU helper ended \(exit code 3\)|the GPU helper cannot be asked/;
  t.match(restless.reading(dead).fault?.text, text);

  const gone = 'process.send({ kind: "absent", text: "no" }, () => process.exit(0))';
  const none = helper("none", `process.on("message", () => ${gone});`);
  const absent = watchOf(none.path);
  await tickUntil(absent, 0, 1, (ms) => none.starts() === 1 && !absent.reading(ms).fault && ms > 0);
  const long = await tickUntil(absent, 10_000, 1_000, (nowMs) => nowMs > 40_000);
  t.same(absent.reading(long), { gpus: [] }, "a host without GPUs is no fault");
  t.equal(none.starts(), 1, "and is not asked again");

  const missing = watchOf(join(scratch, "not-there.mjs"));
  const ended = (nowMs: number) => /ended/.test(missing.reading(nowMs).fault?.text ?? "");
  t.equal(missing.reading(await tickUntil(missing, 0, 1, ended)).fault?.collector, "gpus");
});

t.test("the helper's side: one answer a question, whatever the driver does", async (t) => {
  const talk = (open: Parameters<typeof serveGpus>[0], questions: number) => {
    const replies: GpuReply[] = [];
    const exits: number[] = [];
    let ask: (request: GpuRequest) => void = () => undefined;
    let disconnect = () => {};
    serveGpus(open, {
      onRequest: (listener) => {
        ask = listener;
      },
      onEnd: (listener) => {
        disconnect = listener;
      },
      send: (reply, sent) => {
        replies.push(reply);
        sent?.();
      },
      exit: (code) => exits.push(code),
    });
    for (let i = 0; i < questions; i += 1) ask({ kind: "read" });
    return { replies, exits, disconnect };
  };
  const absent = talk(() => "no library", 1);
  t.same(absent.replies, [{ kind: "absent", text: "no library" }]);
  t.same(absent.exits, [0]);
  let opened = 0;
  let reads = 0;
  const flaky = {
    read: () => {
      reads += 1;
      if (reads === 2) throw new Error("device lost");
      return [h200];
    },
  };
  const open = () => {
    opened += 1;
    return flaky;
  };
  const { replies, exits, disconnect } = talk(open, 3);
  const sample = { kind: "sample", gpus: [h200] };
  t.same(replies, [sample, { kind: "failed", text: "device lost" }, sample]);
  t.equal(opened, 1, "the library is opened once");
  t.same(exits, []);
  disconnect();
  t.same(exits, [0], "a helper ends with its agent");
});
