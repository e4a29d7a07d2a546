/** Runs jobs several at once and gives their results in the order of the jobs. */
import { setImmediate as nextTurn } from "node:timers/promises";

export interface Job<T> {
  /** Uses every thread by itself: nothing runs beside it. */
  readonly alone: boolean;
  /** Never rejects: what goes wrong is part of its result. */
  run(): Promise<T>;
}

/** The addon runs one task a core at a time; more than that wait there, so that no core waits for us. */
export const startedAtOnceMax = 64;
const itemsPerTurn = 1024;

export async function* inOrder<T>(
  jobs: Iterable<Job<T>>,
  atOnceMax: number,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const running: Promise<T>[] = [];
  for await (const job of inTurns(jobs, signal)) {
    while (running.length > (job.alone ? 0 : atOnceMax - 1)) yield (await running.shift()) as T;
    if (job.alone) yield await job.run();
    else running.push(job.run());
  }
  for (const result of running) yield await result;
}

/** The items, and between them now and then a turn of the event loop: without one no Ctrl-C is heard. */
export async function* inTurns<T>(items: Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  let count = 0;
  for (const item of items) {
    yield item;
    count += 1;
    if (count % itemsPerTurn !== 0) continue;
    await nextTurn();
    signal.throwIfAborted();
  }
}
