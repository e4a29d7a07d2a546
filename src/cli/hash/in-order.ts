/** Runs jobs several at once and gives their results in the order of the jobs. */
export interface Job<T> {
  /** Uses every thread by itself: nothing runs beside it. */
  readonly alone: boolean;
  /** Never rejects: what goes wrong is part of its result. */
  run(): Promise<T>;
}

/** The addon runs one task a core at a time; more than that wait there, so that no core waits for us. */
export const startedAtOnceMax = 64;

export async function* inOrder<T>(jobs: Iterable<Job<T>>, atOnceMax: number): AsyncGenerator<T> {
  const running: Promise<T>[] = [];
  for (const job of jobs) {
    while (running.length > (job.alone ? 0 : atOnceMax - 1)) yield (await running.shift()) as T;
    if (job.alone) yield await job.run();
    else running.push(job.run());
  }
  for (const result of running) yield await result;
}
