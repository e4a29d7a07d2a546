/** Names that people choose: hosts, jobs, data sets, files. */
import { z } from "zod";
import { limits } from "../base/limits.js";

/** A DNS label, so that it may stand in a URL, a file name and a certificate. */
export const name = z
  .string()
  .max(limits.nameLengthMax)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be lower-case letters, digits and inner hyphens");

/** Owners, operators, recipients and purposes, in whatever words their people use. */
export const label = z.string().min(1).max(63);

/** A relative path that stays inside its folder. */
export const relativePath = z
  .string()
  .min(1)
  .max(1024)
  .refine(staysInside, "must be a relative path without . or .. parts");

export function staysInside(path: string): boolean {
  return (
    !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
