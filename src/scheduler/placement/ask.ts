/**
 * What is asked of the fleet, and what has been found out about it so far. Jobs that ask for the
 * same share the answers: each cell of the board is looked at once, each group of hosts put before
 * the law once.
 */
import { digestOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import type { DataSet } from "../../model/data-set.js";
import type { LawGroup, LawReport, Paper } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import type { PolicyEngine } from "../policy/engine.js";
import type { Verdict } from "../policy/verdict.js";
import type { Board, Cell } from "./board.js";
import { type Finding, findingOf } from "./finding.js";
import { compare } from "./fleet.js";

export type Law = Pick<PolicyEngine, "digest" | "namesJobs" | "namesHosts" | "runOn">;

/** Hosts for which the same holds, ascending by name. */
export interface Stand {
  readonly names: readonly string[];
  readonly finding: Finding;
}

export class Ask {
  readonly job: JobSpec;
  readonly #dataSet: DataSet | undefined;
  readonly #law: Law;
  readonly #board: Board;
  readonly #findings = new Map<Cell, Finding>();
  readonly #verdicts = new Map<string, Verdict>();
  #report: Paper | undefined;

  constructor(board: Board, law: Law, job: JobSpec, dataSet: DataSet | undefined) {
    this.#board = board;
    this.#law = law;
    this.job = job;
    this.#dataSet = dataSet;
  }

  /** All hosts, each once, with what holds for them. */
  *stands(): Iterable<Stand> {
    if (this.#law.namesHosts || this.job.placement.hosts !== undefined) {
      for (const name of this.#board.names()) yield { names: [name], finding: this.#find(name) };
      return;
    }
    for (const cell of this.#board.cells()) {
      let finding = this.#findings.get(cell);
      if (finding === undefined) {
        finding = this.#find(cell.names[0] as string);
        this.#findings.set(cell, finding);
      }
      yield { names: cell.names, finding };
    }
  }

  #find(name: string): Finding {
    return findingOf(this, this.#board.view(name) as HostView);
  }

  verdict(host: HostView): Verdict {
    const key = groupKey(this.#law, host, this.#board.cellOf(host.name)?.placeKey ?? "");
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#law.runOn({ job: this.job, dataSet: this.#dataSet, host });
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** What the law says of every host, as canonical JSON. */
  lawPaper(): Paper {
    if (this.#report !== undefined) return this.#report;
    const members = new Map<string, HostView[]>();
    for (const name of this.#board.names()) {
      const host = this.#board.view(name) as HostView;
      const key = groupKey(this.#law, host, this.#board.cellOf(name)?.placeKey ?? "");
      members.set(key, [...(members.get(key) ?? []), host]);
    }
    const groups = [...members]
      .sort(([a], [b]) => compare(a, b))
      .map(([, hosts]) => this.#group(hosts));
    const report: LawReport = {
      version: "quipu.dev/law/v1",
      policyDigest: this.#law.digest,
      groups,
    };
    const content = canonicalBytes(report);
    this.#report = { digest: digestOf(content), content };
    return this.#report;
  }

  #group(hosts: readonly HostView[]): LawGroup {
    const { name, place } = hosts[0] as HostView;
    return {
      place,
      ...(this.#law.namesHosts ? { host: name } : {}),
      hosts: hosts.length,
      membersDigest: digestOf(canonicalBytes(hosts.map((host) => host.name))),
      verdict: this.verdict(hosts[0] as HostView),
    };
  }
}

function groupKey(law: Law, host: HostView, placeKey: string): string {
  return law.namesHosts ? `${placeKey} ${host.name}` : placeKey;
}

/** Kinds of question whose answers are kept. */
const asksMax = 256;

/** One board's questions; they are forgotten when a host or the rules become others. */
export class Asks {
  readonly board: Board;
  readonly #asks = new Map<string, Ask>();
  #of = "";

  constructor(board: Board) {
    this.board = board;
  }

  /** `job` may be any of those that ask for the same. */
  ask(law: Law, job: JobSpec, dataSet: DataSet | undefined): Ask {
    const of = `${this.board.factsVersion} ${law.digest}`;
    if (of !== this.#of || this.#asks.size >= asksMax) this.#asks.clear();
    this.#of = of;
    const key = JSON.stringify([law.namesJobs ? job : { ...job, name: "" }, dataSet]);
    let ask = this.#asks.get(key);
    if (ask === undefined) {
      ask = new Ask(this.board, law, job, dataSet);
      this.#asks.set(key, ask);
    }
    return ask;
  }
}
