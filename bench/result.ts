/** What a bench has to say of one line. */

/** The best rate that the machine allows, in units a second, and what it is a limit of. */
export interface Limit {
  readonly name: string;
  readonly rate: number;
}

export type Goal = { readonly ratio: number } | { readonly share: number };

/** Something that is no contest: another figure, or why there is none. */
export interface Said {
  readonly name: string;
  readonly said: string;
  readonly goal?: string;
  readonly held?: boolean;
  readonly note?: string;
}

export interface Measured {
  readonly name: string;
  readonly unit: string;
  /** Units a second. */
  readonly oursRate: number;
  readonly peer: string;
  readonly peerRate?: number;
  /** Speed of ours over speed of the peer. */
  readonly ratio?: { readonly median: number; readonly p10: number; readonly p90: number };
  readonly limit?: Limit;
  readonly goal?: Goal;
  readonly pairs: number;
  /** Pairs beside which somebody else worked although they were taken again; absent: not looked at. */
  readonly noisyPairs?: number;
  readonly note?: string;
}

export type Result = Measured | Said;
