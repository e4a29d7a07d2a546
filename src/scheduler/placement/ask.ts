/**
 * What is asked of the fleet, and what has been found out about it so far. Jobs that ask for the
 * same share the answers: each cell of the board is looked at once, each group of hosts put before
 * the law once.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import {
  type Bounds,
  type DecisionVersion,
  decisionVersions,
  type LawGroup,
  type LawReport,
  type Offer,
  type Paper,
} from "../../model/decision.js";
import { type Device, type HostView, type RunLoad, withoutRun, withRun } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import type { PriceBook } from "../../model/price-book.js";
import type { PolicyEngine, RunOnRequest } from "../policy/engine.js";
import type { Verdict } from "../policy/verdict.js";
import type { Board } from "./board.js";
import { type Cell, without } from "./cells.js";
import { demandOf, energyOf, fittingDevices, priceOfAll } from "./devices.js";
import { holderIsApart } from "./egress.js";
import { type Finding, findingOf, type Worth } from "./finding.js";
import { holdersOf } from "./locality.js";

export type Law = Pick<
  PolicyEngine,
  "digest" | "namesJobs" | "namesHosts" | "holdsUntilMs" | "runOn"
>;

/** What is put before the law for each host. */
export type LawQuestion = Omit<RunOnRequest, "host">;

export interface AskQuestion extends LawQuestion {
  readonly bounds?: Bounds | undefined;
  readonly version?: DecisionVersion;
}

export class Ask {
  readonly job: JobSpec;
  readonly book: PriceBook | undefined;
  readonly bounds: Bounds;
  readonly version: DecisionVersion;
  readonly #question: LawQuestion;
  readonly #law: Law;
  readonly #board: Board;
  /** By the place of the cell that it is of. */
  readonly #findings: { readonly cell: Cell; readonly finding: Finding }[] = [];
  readonly #verdicts = new Map<string, Verdict>();
  #report: Paper | undefined;
  #untilMs: number | undefined;

  constructor(board: Board, law: Law, asked: AskQuestion, book?: PriceBook) {
    const { bounds = {}, version = decisionVersions[0], ...question } = asked;
    this.bounds = bounds;
    this.version = version;
    this.#board = board;
    this.#law = law;
    this.book = book;
    this.job = question.job;
    this.#question = question;
  }

  /** Whether what the law said then is what it says at this moment. */
  holdsAt(at: string): boolean {
    this.#untilMs ??= this.#law.holdsUntilMs(this.#question, this.#places());
    const atMs = Date.parse(at);
    return atMs >= Date.parse(this.#question.at) && atMs < this.#untilMs;
  }

  *#places(): Iterable<Place> {
    for (const { names } of this.#board.cells) {
      if (names[0] !== undefined) yield (this.#board.view(names[0]) as HostView).place;
    }
  }

  /** All hosts, each once: those for which the same holds together, ascending by name. */
  each(tell: (names: readonly string[], finding: Finding) => void): void {
    const { failedHosts, gang, audited } = this.bounds;
    const named = this.job.placement.hosts ?? failedHosts ?? gang?.hosts;
    if (this.#law.namesHosts || named !== undefined || holderIsApart(this)) {
      for (const name of this.#board.names()) tell([name], this.#find(name));
      return;
    }
    const holders = holdersOf(this);
    const apart = this.#board.byCell(audited ? new Set([...holders, ...audited]) : holders);
    for (const holders of apart.values()) {
      for (const name of holders) tell([name], this.#find(name));
    }
    for (const cell of this.#board.cells) {
      const names = without(cell.names, apart.get(cell));
      const name = names[0];
      if (name === undefined) continue;
      let known = this.#findings[cell.index];
      if (known?.cell !== cell) {
        known = { cell, finding: this.#find(name) };
        this.#findings[cell.index] = known;
      }
      tell(names, known.finding);
    }
  }

  /** All hosts but those that have answered, each once: those that are the same to the job together. */
  *alike(): Iterable<readonly string[]> {
    const apart = this.#board.byCell(this.bounds.audited ?? []);
    const { hosts } = this.job.placement;
    const isPlain = !this.#law.namesHosts && hosts === undefined;
    for (const cell of isPlain ? this.#board.cells : []) yield without(cell.names, apart.get(cell));
    if (!isPlain) for (const name of hosts ?? this.#board.names()) yield [name];
  }

  /** Why a host does not get the job, or what it is worth: the row of it that a record leaves out. */
  of(host: string): Finding | undefined {
    return this.#board.view(host) === undefined ? undefined : this.#find(host);
  }

  /** The same of a host as if its agent were attached, its devices healthy, and nothing ran there. */
  ofReady(host: string): Finding | undefined {
    const view = this.#board.view(host);
    if (view === undefined) return undefined;
    return findingOf(this, ready(view));
  }

  /** How many jobs alike, up to `max`, all hosts could hold that are registered, if nothing else ran. */
  most(max: number, perHostMax: number): number {
    let most = 0;
    for (const name of this.#board.names()) {
      let view = ready(this.#board.view(name) as HostView);
      for (let here = 0; here < perHostMax && !("fault" in findingOf(this, view)); here += 1) {
        most += 1;
        if (most === max) return max;
        const { best } = fittingDevices(this, view);
        view = { ...view, load: withRun(view.load, demandOf(this.job, best)) };
      }
    }
    return most;
  }

  /** The first of some hosts that are worth the same. */
  offer(names: readonly string[], worth: Worth): Offer {
    const host = this.#board.view(names[0] as string) as HostView;
    const { best } = fittingDevices(this, host);
    const { name, place } = host;
    const ids = best.map(({ id }) => id);
    const price = priceOfAll(this.book, host, best);
    const energy = energyOf(this, host, best);
    return {
      host: name,
      place,
      device: ids[0] as string,
      ...(ids.length === 1 ? {} : { devices: ids }),
      ...worth,
      ...(price === undefined ? {} : { price }),
      ...(energy === undefined ? {} : { energyWattSeconds: energy }),
      hosts: names.length,
    };
  }

  /** What the job takes of the host that it is offered. */
  demand({ host, device, devices = [device] }: Offer): RunLoad {
    const known = (this.#board.view(host) as HostView).devices;
    const chosen = devices.map((id) => known.find((one) => one.id === id) as Device);
    return demandOf(this.job, chosen);
  }

  #find(name: string): Finding {
    return findingOf(this, this.#board.view(name) as HostView);
  }

  /** What a host of the board would be to the job without some of its load. */
  without(host: string, less: readonly RunLoad[]): Finding | undefined {
    const view = this.#board.view(host);
    if (view === undefined) return undefined;
    return findingOf(this, { ...view, load: less.reduce(withoutRun, view.load) });
  }

  verdict(host: HostView): Verdict {
    const key = this.#law.namesHosts ? host.name : this.#board.placeKey(host.name);
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#law.runOn({ ...this.#question, host });
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** What the law says of every host, as canonical JSON. */
  lawPaper(): Paper {
    if (this.#report !== undefined) return this.#report;
    const groups = this.#law.namesHosts
      ? this.#board.names().map((name) => this.#group([name], digestOf(canonicalBytes([name]))))
      : this.#board.places().map((place) => this.#group(place.names, place.membersDigest));
    const report: LawReport = {
      version: "quipu.dev/law/v1",
      policyDigest: this.#law.digest,
      ...(this.#question.counts === undefined ? {} : { counts: this.#question.counts }),
      groups,
    };
    const content = canonicalBytes(report);
    this.#report = { digest: digestOf(content), content };
    return this.#report;
  }

  #group(names: readonly string[], membersDigest: Digest): LawGroup {
    const host = this.#board.view(names[0] as string) as HostView;
    const named = this.#law.namesHosts ? { host: host.name } : {};
    const verdict = this.verdict(host);
    return { place: host.place, ...named, hosts: names.length, membersDigest, verdict };
  }
}

/** A host as it is when all is well and nothing runs. */
function ready(view: HostView): HostView {
  const devices = view.devices.map(({ health: _, ...device }) => device);
  return { ...view, devices, attached: true, cordoned: false, load: [] };
}

/** Kinds of question whose answers are kept. */
const asksMax = 256;

/** One board's questions; they are forgotten when a host, rules or prices become others, or time does. */
export class Asks {
  readonly board: Board;
  readonly #asks = new Map<string, Ask>();
  #of = "";
  #book: PriceBook | undefined;

  constructor(board: Board) {
    this.board = board;
  }

  /** `job` may be any of those that ask for the same. */
  ask(law: Law, question: AskQuestion, book: PriceBook | undefined): Ask {
    const { job, dataSet, at, counts, bounds, version } = question;
    const of = `${this.board.factsVersion} ${law.digest}`;
    if (of !== this.#of || book !== this.#book) this.#asks.clear();
    this.#of = of;
    this.#book = book;
    const key = JSON.stringify([
      law.namesJobs ? job : { ...job, name: "", gang: undefined },
      dataSet,
      counts,
      bounds,
      version,
    ]);
    const known = this.#asks.get(key);
    if (known?.holdsAt(at)) return known;
    if (known === undefined && this.#asks.size >= asksMax) this.#asks.clear();
    const ask = new Ask(this.board, law, question, book);
    this.#asks.set(key, ask);
    return ask;
  }
}
