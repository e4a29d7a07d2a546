/** What a manifest that came from somewhere must look like; apart from the type, so that hashing loads no zod. */
import { z } from "zod";
import { limits } from "../base/limits.js";
import { staysInside } from "./name.js";

/** The kernel takes no longer path. */
const pathBytesMax = 4095;

const digestHex = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");

export const manifestShape = z.strictObject({
  version: z.literal("quipu.dev/manifest/v1"),
  /** Each of `entryShape`: one that is wrong must not cost a report on a million others. */
  entries: z.array(z.unknown()).max(limits.filesPerDataSetMax),
  merkleRoot: digestHex,
});

export const entryShape = z.strictObject({
  path: z
    .string()
    .refine(
      (path) => staysInside(path) && path.isWellFormed() && Buffer.byteLength(path) <= pathBytesMax,
      "must be a path inside the folder",
    ),
  sizeBytes: z.int().nonnegative(),
  sha256: digestHex,
  blake3: digestHex,
});
