/** The checks of a verification by name, in their order, and what each has found. */
import { QuipuError } from "../../base/errors.js";

export const checkNames = [
  "bundle",
  "key",
  "signature",
  "statement",
  "entry",
  "inclusion",
  "checkpoint",
  "witnesses",
  "fields",
  "decision",
  "outputs",
  "expected",
] as const;
export type CheckName = (typeof checkNames)[number];

export interface Check {
  readonly name: CheckName;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly text: string;
}

/** Runs each check at most once and keeps what it found. */
export class Steps {
  readonly #checks = new Map<CheckName, Check>();

  run<Value>(name: CheckName, check: () => readonly [Value, string]): Value | undefined {
    try {
      const [value, text] = check();
      this.#checks.set(name, { name, ok: true, text });
      return value;
    } catch (thrown) {
      const { code, message } = QuipuError.from(thrown);
      if (code === "INTERNAL") throw thrown; // a fault of this program is not a verdict
      this.#checks.set(name, { name, ok: false, text: message });
      return undefined;
    }
  }

  outcome(asked: readonly CheckName[]): { ok: boolean; checks: Check[]; firstFailed?: Check } {
    const missing = "not reached, since an earlier check failed";
    const checks = asked.map(
      (name) => this.#checks.get(name) ?? { name, ok: false, text: missing },
    );
    const firstFailed = checks.find(({ ok }) => !ok);
    return firstFailed === undefined ? { ok: true, checks } : { ok: false, checks, firstFailed };
  }
}

export function failed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", why);
}
