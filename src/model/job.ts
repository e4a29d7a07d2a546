/**
 * A job: what is asked of the fleet, as a plain validated value. Its digest is taken over the
 * canonical JSON of this value, so defaults are filled in before it is digested.
 */
import { z } from "zod";
import { type Digest, digestOf } from "../base/bytes.js";
import { canonicalBytes } from "../base/canonical-json.js";
import { limits } from "../base/limits.js";
import { digest } from "./data-set.js";
import { gang } from "./gang.js";
import {
  capabilityPattern,
  type DeviceKind,
  deviceKinds,
  driverVersionPattern,
  slicePattern,
} from "./host.js";
import { name, relativePath } from "./name.js";
import { country, sites } from "./place.js";
import { currency } from "./price-book.js";
import { time } from "./time.js";

export const jobStates = [
  "queued",
  "placed",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "refused",
  "lost",
] as const;
export type JobState = (typeof jobStates)[number];

export function isTerminal(state: JobState): boolean {
  return state !== "queued" && state !== "placed" && state !== "running";
}

/** Columns `first` (inclusive) to `last` (exclusive) of some rows of a table in the data set. */
const tableSource = z.strictObject({
  file: relativePath.describe("a .csv or .csv.gz file of numbers in the data set"),
  columns: z.tuple([z.int().nonnegative(), z.int().positive()]),
  rows: z
    .strictObject({
      modulo: z.int().min(1).max(1_000_000),
      equals: z.array(z.int().nonnegative()).min(1).max(1000),
    })
    .optional()
    .describe("keep rows whose index modulo `modulo` is one of `equals`; all rows without it"),
  transpose: z.boolean().default(false),
});
export type TableSource = z.infer<typeof tableSource>;

/** A whole array. */
const arraySource = z.strictObject({
  file: relativePath
    .regex(
      /\.npy$/,
      "must be a .npy file; a table needs columns, a .safetensors file the name of its tensor",
    )
    .describe("a .npy file in the data set"),
});

/** One of the tensors of a file. */
const tensorSource = z.strictObject({
  file: relativePath
    .regex(/\.safetensors$/, "must be a .safetensors file")
    .describe("a .safetensors file in the data set"),
  tensor: z.string().min(1).max(1024).describe("the tensor's name in the file"),
});

const inputSource = z.union([tableSource, arraySource, tensorSource]);
export type InputSource = z.infer<typeof inputSource>;

/** Jobs that one comes after. */
const afterMax = 64;

const hashDriver = z.strictObject({ driver: z.literal("hash") });

const productCheck = z
  .strictObject({
    outputs: digest.describe(
      "the file of outputs that a run of this task has claimed, an artifact",
    ),
    seed: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
    rounds: z.int().min(1).max(64),
  })
  .describe("whether claimed outputs are within the error model of `fast`, in place of new ones");

function tensorShape<M extends z.ZodType>(model: M) {
  return z
    .strictObject({
      driver: z.literal("tensor"),
      model: model.describe("the ONNX file, an artifact"),
      /** Graph input name → the table, array or tensor that feeds it. */
      inputs: z.record(z.string().min(1).max(128), inputSource),
      /** Majority vote over the labels that an output of indices points at; ties go to the nearest. */
      vote: z
        .strictObject({
          indices: z.string().min(1).max(128).describe("graph output with int64 row indices"),
          labels: tableSource,
        })
        .optional(),
      backend: z.enum(["auto", "portable", "avx2", "avx512", "cuda"]).default("auto"),
      fast: z
        .enum(["tf32", "bf16"])
        .optional()
        .describe("matrix products on tensor cores: the receipt says determinism none"),
      check: productCheck.optional(),
    })
    .refine(({ check, fast, vote }) => check === undefined || (fast !== undefined && !vote), {
      path: ["check"],
      error: "is for `fast`, whose error model it holds outputs to, and without `vote`",
    })
    .refine(({ backend, fast }) => fast === undefined || backend === "auto" || backend === "cuda", {
      path: ["fast"],
      error: "is for the backend cuda",
    });
}

const tensorDriver = tensorShape(digest);
export type TensorTask = z.infer<typeof tensorDriver>;

const bytesMax = 2 ** 50;
const coresMax = 65_536;
export const devicesMax = 256;

const resources = z
  .strictObject({
    device: z.enum(["any", "cpu", "cuda"]).default("any"),
    devices: z
      .int()
      .min(1)
      .max(devicesMax)
      .optional()
      .describe("whole devices of one host; one without it"),
    memoryBytes: z.int().nonnegative().max(bytesMax).default(0).describe("on each device"),
    computeCapabilityMin: z
      .string({ error: 'must be in quotes, for example "9.0"' })
      .regex(capabilityPattern, 'must be major and minor, for example "9.0"')
      .optional()
      .describe("of each device; what does not tell its own does not meet it"),
    driverMin: z
      .string({ error: 'must be in quotes, for example "535.104"' })
      .regex(driverVersionPattern, 'must be a version, for example "535.104"')
      .optional()
      .describe("of each GPU's driver; what does not tell its own does not meet it"),
    slice: z
      .string()
      .regex(slicePattern, "must be a MIG profile, for example 1g.10gb")
      .optional()
      .describe("such a part of a GPU; without it no part, only whole devices"),
    cores: z
      .int()
      .min(1)
      .max(coresMax)
      .optional()
      .describe("of the host's processors, held for the run; none are counted without it"),
    hostMemoryBytes: z
      .int()
      .min(1)
      .max(bytesMax)
      .optional()
      .describe("of the host's own memory, held for the run; none is counted without it"),
  })
  .refine(({ device, devices = 1 }) => device !== "cpu" || devices === 1, {
    path: ["devices"],
    error: "must be 1: a host has one device cpu; ask for its cores with `cores`",
  })
  .default({ device: "any", memoryBytes: 0 });

/** The most devices that a run of each driver can use; more would lie idle and be paid for. */
const devicesMaxOf = { hash: 1, tensor: 1 } as const satisfies Record<string, number>;

interface UsesDevices {
  readonly resources: { readonly devices?: number | undefined };
  readonly task: { readonly driver: keyof typeof devicesMaxOf };
}

function jobShape<T extends z.ZodType<UsesDevices["task"]>>(task: T) {
  const shape = z.strictObject({
    version: z.literal("quipu.dev/v1"),
    name,
    owner: z.string().min(1).max(63).default("local"),
    /** Data set to run on; its folder must lie on the host. */
    dataSet: name.optional(),
    purpose: z.string().min(1).max(63).default("unspecified"),
    placement: z
      .strictObject({
        hosts: z.array(name).max(64).optional(),
        countries: z.array(country).max(249).optional(),
        sites: z.array(z.enum(sites)).min(1).optional(),
        prefer: z
          .enum(["spread", "pack"])
          .optional()
          .describe("hosts with the most devices free, which is usual, or with the fewest"),
      })
      .default({}),
    resources,
    gang: gang.optional(),
    priority: z
      .int()
      .min(-10)
      .max(10)
      .optional()
      .describe("the higher one first, within its owner's share; 0 without it"),
    deadline: time.optional().describe("it ends by then: what has not started never does"),
    budget: z
      .strictObject({
        currency,
        nanos: z
          .int()
          .positive()
          .describe("what a run may cost, in billionths of the currency's unit"),
        seconds: z
          .int()
          .positive()
          .max(10 ** 9)
          .describe("how long it takes: where so long costs more, it is not placed"),
      })
      .optional()
      .describe("a run is stopped when it has cost so much"),
    /** Runs at most this many times when hosts are lost. */
    attemptsMax: z.int().min(1).max(10).default(3),
    after: z
      .array(name)
      .min(1)
      .max(afterMax)
      .optional()
      .describe(
        "jobs that must have succeeded first: names of this submission, or of jobs before it; ids",
      ),
    task,
  });
  return shape.superRefine((job, context) => {
    const { resources, task } = job as UsesDevices;
    const { devices = 1 } = resources;
    const most = devicesMaxOf[task.driver];
    if (devices <= most) return;
    const message = `is ${devices}, and a run of driver ${task.driver} can use ${most}`;
    context.addIssue({ code: "custom", path: ["resources", "devices"], message });
  });
}

/** What a host is given: every input is named by its digest. */
export const jobSpec = jobShape(z.discriminatedUnion("driver", [hashDriver, tensorDriver]));
export type JobSpec = z.infer<typeof jobSpec>;
export type Driver = JobSpec["task"]["driver"];

/** An output of a job that need not have run yet. */
const outputOf = z.strictObject({
  job: name.describe("a job that must have succeeded first, as in `after`"),
  output: relativePath.describe("the name of one of its outputs"),
});

/** What may be submitted: the model may be what another job makes. */
export const askedJob = jobShape(
  z.discriminatedUnion("driver", [hashDriver, tensorShape(z.union([digest, outputOf]))]),
);
export type AskedJob = z.infer<typeof askedJob>;

/** Kinds of device that it can take: no host has several of the kind cpu. */
export function wantedKinds({ device, devices = 1 }: JobSpec["resources"]): readonly DeviceKind[] {
  if (device === "any") return devices === 1 ? deviceKinds : ["cuda"];
  return [device];
}

/** What a device must be able to run for the job. */
export function taskBackend(task: JobSpec["task"]): TensorTask["backend"] {
  if (task.driver !== "tensor" || task.check !== undefined) return "auto";
  return task.fast === undefined ? task.backend : "cuda";
}

/**
 * Whether a run needs its device to itself: a worker process runs one program at a time, on every
 * core, and whoever asks for several devices asks for whole ones. Other runs are light; a device has
 * slots for several.
 */
export function needsWholeDevice({
  task,
  resources,
}: Pick<JobSpec, "task" | "resources">): boolean {
  return task.driver === "tensor" || (resources.devices ?? 1) > 1;
}

/** Whether runs of it may differ in their bits: none has to, for one that lost its GPU ends on the processor. */
export function mayDiffer(task: JobSpec["task"]): boolean {
  return task.driver === "tensor" && task.fast !== undefined && task.check === undefined;
}

/** The same task in canonical arithmetic, for any backend. */
export function canonicalTask({ fast: _, ...task }: TensorTask): TensorTask {
  return task;
}

export function jobBytes(spec: AskedJob): Uint8Array {
  return canonicalBytes(spec);
}

export function jobDigest(spec: AskedJob): Digest {
  return digestOf(jobBytes(spec));
}

/** Artifacts that the host must fetch before the run. */
export function jobArtifacts(spec: JobSpec): readonly Digest[] {
  const { task } = spec;
  if (task.driver !== "tensor") return [];
  return task.check === undefined ? [task.model] : [task.model, task.check.outputs];
}

export const jobBytesMax = limits.jobBytesMax;
