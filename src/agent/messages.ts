/** What an agent says, as protobuf messages. */
import { create } from "@bufbuild/protobuf";
import type { ErrorJson } from "../base/errors.js";
import {
  type AttachRequest,
  AttachRequestSchema,
  type RunState,
  type RunUpdate,
  RunUpdateSchema,
} from "../gen/quipu/v1/attach_pb.js";
import {
  type Artifact as ArtifactMessage,
  ArtifactSchema,
  type Failure,
  FailureSchema,
  PlaceGrade,
  type Place as PlaceMessage,
  PlaceSchema,
  Site,
} from "../gen/quipu/v1/types_pb.js";
import type { Artifact } from "../model/artifact.js";
import type { Place } from "../model/place.js";
import type { RunRef } from "../model/run.js";

type Said = Exclude<AttachRequest["message"], { case: undefined }>;

export function say(message: Said): AttachRequest {
  return create(AttachRequestSchema, { message });
}

export interface UpdateParts {
  readonly state: RunState;
  readonly progress?: number;
  readonly activity?: string;
  readonly failure?: ErrorJson;
  readonly envelope?: Uint8Array;
  readonly outputs?: readonly Artifact[];
}

/** `host` serves the outputs. */
export function runUpdate(host: string, run: RunRef, parts: UpdateParts): RunUpdate {
  return create(RunUpdateSchema, {
    ...refMessage(run),
    state: parts.state,
    progress: parts.progress ?? 0,
    activity: parts.activity ?? "",
    ...(parts.failure === undefined ? {} : { failure: failureMessage(parts.failure) }),
    envelope: parts.envelope ?? new Uint8Array(),
    outputs: (parts.outputs ?? []).map((artifact) => artifactMessage(host, artifact)),
  });
}

export function refMessage({ runId, epoch }: RunRef): { runId: string; epoch: bigint } {
  return { runId, epoch: BigInt(epoch) };
}

export function failureMessage({ code, message, next }: ErrorJson): Failure {
  return create(FailureSchema, { code, message, next: next ?? "" });
}

function artifactMessage(host: string, artifact: Artifact): ArtifactMessage {
  return create(ArtifactSchema, { ...artifact, sizeBytes: BigInt(artifact.sizeBytes), host });
}

const siteNumbers: Readonly<Record<Place["site"], Site>> = {
  private: Site.PRIVATE,
  public: Site.PUBLIC,
};

const gradeNumbers: Readonly<Record<Place["grade"], PlaceGrade>> = {
  claimed: PlaceGrade.CLAIMED,
  "operator-asserted": PlaceGrade.OPERATOR_ASSERTED,
  "provider-attested": PlaceGrade.PROVIDER_ATTESTED,
  "hardware-attested": PlaceGrade.HARDWARE_ATTESTED,
};

export function placeMessage({ site, grade, gradeUntil, operator, ...place }: Place): PlaceMessage {
  return create(PlaceSchema, {
    ...place,
    gradeUntil: gradeUntil ?? "",
    operator: operator ?? "",
    site: siteNumbers[site],
    grade: gradeNumbers[grade],
  });
}
