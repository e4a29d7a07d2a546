/**
 * Gangs: jobs that run together or not at all. One job of a submission asks for a gang; its members
 * are jobs of their own, alike but for their names and ranks.
 */
import { z } from "zod";
import { QuipuError } from "../base/errors.js";
import type { AskedJob } from "./job.js";

/** Members of one gang. */
export const gangSizeMax = 64;

export const gang = z
  .strictObject({
    size: z
      .int()
      .min(2)
      .max(gangSizeMax)
      .describe("members; each is a job NAME-0, NAME-1 and so on"),
    spread: z.literal("hosts").optional().describe("no two members on one host"),
    rank: z
      .int()
      .min(0)
      .max(gangSizeMax - 1)
      .optional()
      .describe("set by the coordinator: which member this is"),
  })
  .describe("as many jobs alike, placed together or not at all");
export type Gang = z.infer<typeof gang>;

/** The jobs that are admitted for one that is submitted. */
export function membersOf(job: AskedJob): readonly AskedJob[] {
  const { gang: asked, name } = job;
  if (asked === undefined) return [job];
  if (asked.rank !== undefined) {
    throw new QuipuError("JOB_FILE_INVALID", `gang.rank: the coordinator gives ranks to ${name}`, {
      next: "leave gang.rank out; `quipu job retry` runs the whole gang of a member again",
      details: { field: "gang.rank" },
    });
  }
  return Array.from({ length: asked.size }, (_, rank) => {
    return { ...job, name: `${name}-${rank}`, gang: { ...asked, rank } };
  });
}

/** What was submitted for a member, or for a job that is in no gang: that job itself. */
export function wholeOf(job: AskedJob): AskedJob {
  if (job.gang?.rank === undefined) return job;
  const { rank, ...asked } = job.gang;
  return { ...job, name: job.name.slice(0, -`-${rank}`.length), gang: asked };
}

/** One member as every other is told of it. */
export interface GangMember {
  readonly rank: number;
  readonly jobId: string;
  readonly host: string;
  /** Where its agent answers. */
  readonly httpUrl: string;
}

/** What a run knows of its gang; `members` are in order of rank. */
export interface GangSeat {
  readonly rank: number;
  readonly size: number;
  readonly members: readonly GangMember[];
}
