/**
 * Canonical f32 matrix products against OpenBLAS, which may add in any order it likes. The peer is a
 * small program compiled here (bench/peers/openblas.c) around the library of Debian's package
 * libopenblas0, or around the one that QUIPU_OPENBLAS names. It is told which kernels this processor
 * can run (OPENBLAS_CORETYPE overrules), since an older library falls back to scalar ones on a processor
 * that it does not know. Both sides use one thread, then all.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { OwnedBytes, Session } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { byFormula } from "../test/canonical-reference.js";
import { operatorModel } from "../test/onnx-writer.js";
import type { RunOptions } from "./harness.js";
import { bench, type Contest } from "./harness.js";

const libraries = [
  process.env.QUIPU_OPENBLAS ?? "",
  "/usr/lib/x86_64-linux-gnu/libopenblas.so.0",
  "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
];
const shapes: readonly (readonly [number, number, number])[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [1, 4096, 4096],
  [8, 4096, 4096],
  [64, 4096, 4096],
];

/** Floating-point operations of one timing: the peer's pipe must not weigh in it. */
const workMin = 2e9;

/** A process that answers each line with one line. */
class Peer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterableIterator<string>;

  constructor(program: string, library: string, threads: number) {
    const { avx512, avx2 } = capabilities({ probeCuda: false }).cpu;
    const best = avx512 ? "SKYLAKEX" : avx2 ? "HASWELL" : "";
    const env = {
      ...(best === "" ? {} : { OPENBLAS_CORETYPE: best }),
      ...process.env,
      OPENBLAS_NUM_THREADS: String(threads),
    };
    this.#child = spawn(program, [library], { env, stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the peer ended");
    return value;
  }

  ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    return this.answer();
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  close(): void {
    this.#child.stdin.end();
  }
}

function compilePeer(folder: string): string | undefined {
  const program = join(folder, "openblas");
  try {
    const source = join("bench", "peers", "openblas.c");
    execFileSync(process.env.CC ?? "cc", ["-O2", "-o", program, source, "-ldl"], {
      stdio: "ignore",
    });
    return program;
  } catch {
    return undefined; // no compiler: the lines are printed without a peer
  }
}

/** Median time of a round trip to the peer without work. */
async function overheadMs(peer: Peer): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    const start = process.hrtime.bigint();
    await peer.ask("multiply 1 1 1 0");
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return times.sort((a, b) => a - b)[25] as number;
}

async function contests(threads: number, peer: Peer | string): Promise<Contest[]> {
  const core = typeof peer === "string" ? "" : (await peer.answer()).replace("ready ", "");
  const peak = typeof peer === "string" ? 0 : Number((await peer.ask("peak")).split(" ")[1]);
  const overhead = typeof peer === "string" ? 0 : await overheadMs(peer);
  return shapes.map(([m, n, k]) => {
    const session = Session.compile(operatorModel("MatMul"), { a: [m, k], b: [k, n] });
    const handed = (seed: number, shape: readonly [number, number]) => {
      const values = byFormula("unit", seed, shape[0] * shape[1]);
      const owned = OwnedBytes.take(new Uint8Array(values.buffer));
      return { dtype: "float32", shape, owned } as const;
    };
    const a = handed(1, [m, k]);
    const b = handed(2, [k, n]);
    const into = new Map([["c", { owned: OwnedBytes.take(new Uint8Array(m * n * 4)) }]]);
    const options = { pieces: threads, into, digests: false };
    const repeats = Math.ceil(workMin / (2 * m * n * k));
    const line = `multiply ${m} ${n} ${k} ${repeats}`;
    return {
      name: `${m} x ${n} x ${k}, ${threads} thread${threads === 1 ? "" : "s"}`,
      work: 2 * m * n * k * repeats,
      unit: "FLOP" as const,
      ours: {
        run: async () => {
          for (let i = 0; i < repeats; i += 1) await session.run({ a, b }, options);
        },
      },
      peer:
        typeof peer === "string"
          ? peer
          : {
              name: `OpenBLAS (${core})`,
              run: async () => void (await peer.ask(line)),
              overheadMs: overhead,
              processId: peer.processId,
            },
      limit: peak > 0 ? () => ({ name: "multiply-adds", rate: 2 * peak * threads }) : undefined,
    };
  });
}

export async function run({ pairs }: RunOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  try {
    const library = libraries.find((path) => path !== "" && existsSync(path));
    const program = library === undefined ? undefined : compilePeer(folder);
    const why = library === undefined ? "no libopenblas.so.0 here" : "no C compiler here";
    const all = capabilities({ probeCuda: false }).threads;
    for (const threads of all === 1 ? [1] : [1, all]) {
      const peer = library && program ? new Peer(program, library, threads) : why;
      await bench("matmul", await contests(threads, peer), { pairs });
      if (typeof peer !== "string") peer.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
