/**
 * What came of what: runs are tied by artifacts that one made and another read, and data sets lead in from
 * outside. An artifact is its digest, so two runs that made the same bytes both made it. A manifest that a
 * run put out is an artifact, not the data set that it tells of.
 */
import type { Digest } from "../../base/bytes.js";
import type { RunLine } from "./run-line.js";

export type Subject =
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "job"; readonly jobId: string }
  | { readonly kind: "dataset"; readonly name: string };

/** `up`: what it came from; `down`: what came of it. */
export interface Directions {
  readonly up: boolean;
  readonly down: boolean;
}

export class Graph {
  readonly #byJob = new Lists<RunLine>();
  readonly #makers = new Lists<RunLine>();
  /** By digest of what they read; data sets by their manifest. */
  readonly #readers = new Lists<RunLine>();
  readonly #byDataSet = new Lists<RunLine>();

  add(run: RunLine): void {
    this.#byJob.add(run.jobId, run);
    for (const digest of digestsOf(run.outputs)) this.#makers.add(digest, run);
    for (const digest of digestsOf(run.inputs)) this.#readers.add(digest, run);
    for (const { dataSet } of run.inputs) {
      if (dataSet !== undefined) this.#byDataSet.add(dataSet, run);
    }
  }

  /** Every run that is tied to the subject that way, in the log's order. */
  trace(subject: Subject, { up, down }: Directions): readonly RunLine[] {
    const found = new Set<RunLine>();
    if (up) walk(this.#before(subject), (run) => this.#makersFor(run), found);
    if (down) walk(this.#after(subject), (run) => this.#readersOf(run), found);
    return [...found].sort((a, b) => a.index - b.index);
  }

  #before(subject: Subject): readonly RunLine[] {
    if (subject.kind === "job") return this.#byJob.get(subject.jobId);
    return subject.kind === "digest" ? this.#makers.get(subject.digest) : [];
  }

  #after(subject: Subject): readonly RunLine[] {
    if (subject.kind === "job") return this.#byJob.get(subject.jobId);
    if (subject.kind === "dataset") return this.#byDataSet.get(subject.name);
    return this.#readers.get(subject.digest);
  }

  #makersFor({ inputs }: RunLine): readonly RunLine[] {
    const artifacts = inputs.filter(({ dataSet }) => dataSet === undefined);
    return digestsOf(artifacts).flatMap((digest) => this.#makers.get(digest));
  }

  #readersOf({ outputs }: RunLine): readonly RunLine[] {
    return digestsOf(outputs).flatMap((digest) =>
      this.#readers.get(digest).filter(({ inputs }) => {
        return inputs.some((input) => input.dataSet === undefined && input.digest === digest);
      }),
    );
  }
}

/** Adds all that can be reached; a run may be reached again, for bytes can be made of themselves. */
function walk(
  starts: readonly RunLine[],
  next: (run: RunLine) => readonly RunLine[],
  found: Set<RunLine>,
): void {
  const reached = new Set(starts);
  for (const run of reached) for (const other of next(run)) reached.add(other);
  for (const run of reached) found.add(run);
}

function digestsOf(named: readonly { readonly digest: Digest }[]): Digest[] {
  return [...new Set(named.map(({ digest }) => digest))];
}

class Lists<Value> {
  readonly #lists = new Map<string, Value[]>();

  add(key: string, value: Value): void {
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [value]);
    else list.push(value);
  }

  get(key: string): readonly Value[] {
    return this.#lists.get(key) ?? [];
  }
}
