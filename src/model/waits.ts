/**
 * What a job waited for, and how long: the newest intervals one by one, and the time for each rule, so
 * that a job which waits for long keeps a short record. Clocks may go back; no time is negative.
 */
export interface WaitInterval {
  /** What kept it from being placed: a policy's id or the name of a filter. */
  readonly rule: string;
  readonly fromMs: number;
  /** Absent while it lasts. */
  readonly untilMs?: number;
}

export interface WaitHistory {
  /** Oldest first; only the last may last. */
  readonly intervals: readonly WaitInterval[];
  /** Of those that are over, by rule; also of those that are not kept any more. */
  readonly totalsMs: Readonly<Record<string, number>>;
}

const intervalsMax = 16;
/** Rules are many only where policies come and go. */
const rulesMax = 64;
const others = "others";

const none: WaitHistory = Object.freeze({ intervals: [], totalsMs: {} });

/** From now on for this rule; a rule that goes on stays one interval. */
export function waitingFor(before: WaitHistory | undefined, rule: string, atMs: number) {
  const last = before?.intervals.at(-1);
  if (before !== undefined && last?.untilMs === undefined && last?.rule === rule) return before;
  const { intervals, totalsMs } = waitOver(before, atMs) ?? none;
  const kept = [...intervals, { rule, fromMs: atMs }].slice(-intervalsMax);
  return { intervals: kept, totalsMs } satisfies WaitHistory;
}

/** Placed, or ended. */
export function waitOver(before: WaitHistory | undefined, atMs: number): WaitHistory | undefined {
  const last = before?.intervals.at(-1);
  if (before === undefined || last === undefined || last.untilMs !== undefined) return before;
  const untilMs = Math.max(atMs, last.fromMs);
  const { totalsMs, intervals } = before;
  const isKnown = last.rule in totalsMs || Object.keys(totalsMs).length < rulesMax;
  const rule = isKnown ? last.rule : others;
  const sumMs = (totalsMs[rule] ?? 0) + untilMs - last.fromMs;
  return {
    intervals: [...intervals.slice(0, -1), { ...last, untilMs }],
    totalsMs: { ...totalsMs, [rule]: sumMs },
  };
}

/** The rules and their times until now, the longest first: the first is what it mostly waited for. */
export function waitTotals(
  history: WaitHistory | undefined,
  nowMs: number,
): readonly { readonly rule: string; readonly ms: number }[] {
  const { totalsMs } = waitOver(history, nowMs) ?? none;
  return Object.entries(totalsMs)
    .map(([rule, ms]) => ({ rule, ms }))
    .sort((a, b) => b.ms - a.ms || (a.rule < b.rule ? -1 : 1));
}
