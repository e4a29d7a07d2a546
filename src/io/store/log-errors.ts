/** What a log's storage refuses, whether it is a folder or a database. */
import { QuipuError } from "../../base/errors.js";

export function logConflict(): QuipuError {
  return new QuipuError("CONFLICT", "another writer has committed to this log", {
    next: "run one coordinator a log; the other one must stop",
  });
}

export function rewritten(path: string): QuipuError {
  return new QuipuError("LOG_CORRUPT", `${path} is published already, with other bytes`, {
    next: "stop writing to this log and run quipu log fsck",
  });
}
