/** Why a job that waits gets no pilot now, in words. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import type { HeldJob } from "../../gen/quipu/v1/burst_pb.js";

const words: Readonly<Record<string, string>> = {
  names: "every pilot that could take it is in use or ending",
  wait: "it has not waited long enough",
  silence: "the provider does not answer",
  rest: "the offer rests after a failure",
  number: "there are as many pilots as there may be",
  budget: "the budget of the day would be passed",
};

export function heldView({ jobId, since, obstacle }: HeldJob) {
  return {
    jobId,
    since: since === undefined ? null : timestamp(timestampMs(since)),
    obstacle,
    text: words[obstacle] ?? obstacle,
  };
}
