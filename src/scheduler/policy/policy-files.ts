/**
 * The files of a policy set → rules and settings. All faults are found at once and named with file
 * and line; a set with any fault is none.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { QuipuError } from "../../base/errors.js";
import { type PolicySet, policySet } from "../../model/policy-set.js";
import { type Rule, readRule } from "./rule.js";
import { schemaText } from "./schema.js";

export const policyLimits = Object.freeze({
  filesMax: 256,
  fileBytesMax: 256 * 1024,
  rulesMax: 2_000,
  /** What one message carries. */
  setBytesMax: 3 * 1024 * 1024,
});

/** The one file of a set that is no Cedar. */
export const settingsFile = "set.json";

export function isPolicyFile(name: string): boolean {
  return name.endsWith(".cedar") || name === settingsFile;
}

interface Fault {
  readonly file: string;
  readonly line?: number | undefined;
  readonly text: string;
}

/** Rules in order of file name, then position: the order in which refusals are named. */
export function parsePolicy(files: Readonly<Record<string, string>>): {
  readonly rules: readonly Rule[];
  readonly settings: PolicySet;
} {
  const names = Object.keys(files).sort();
  const faults: Fault[] = sizeFaults(files);
  if (faults.length > 0) throw invalid(faults);
  const rules = names
    .filter((name) => name !== settingsFile)
    .flatMap((name) => parseFile(name, files[name] ?? "", faults));
  const settings = parseSettings(files[settingsFile] ?? "{}", faults);
  faults.push(...doubled(rules));
  if (faults.length > 0) throw invalid(faults);
  if (rules.length > policyLimits.rulesMax) {
    const text = `${rules.length} rules; at most ${policyLimits.rulesMax} are read`;
    throw new QuipuError("LIMIT_EXCEEDED", text);
  }
  return { rules, settings };
}

function sizeFaults(files: Readonly<Record<string, string>>): Fault[] {
  const { filesMax, fileBytesMax, setBytesMax } = policyLimits;
  const entries = Object.entries(files);
  if (entries.length > filesMax) {
    const text = `${entries.length} policy files; at most ${filesMax} are read`;
    throw new QuipuError("LIMIT_EXCEEDED", text);
  }
  const sizes = entries.map(([file, text]) => ({ file, bytes: Buffer.byteLength(text) }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > setBytesMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `a set of ${total} bytes; at most ${setBytesMax}`);
  }
  return sizes.flatMap(({ file, bytes }) => {
    if (!isPolicyFile(file)) {
      return [{ file, text: `a set holds .cedar files and ${settingsFile}` }];
    }
    return bytes > fileBytesMax ? [{ file, text: `larger than ${fileBytesMax} bytes` }] : [];
  });
}

function parseFile(file: string, text: string, faults: Fault[]): Rule[] {
  const wrong = cedarFaults(file, text);
  faults.push(...wrong);
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === "failure") {
    if (wrong.length === 0) faults.push(...parts.errors.map((error) => located(file, text, error)));
    return [];
  }
  return parts.policies
    .map((source) => ({ source, at: text.indexOf(source) })) // Cedar sorts them by generated names
    .sort((a, b) => a.at - b.at)
    .flatMap(({ source, at }) => {
      const line = lineAt(text, at);
      const rule = readRule(source, file, line);
      if ("id" in rule) return [rule];
      faults.push(...rule.map((fault) => ({ file, line, text: fault })));
      return [];
    });
}

/** Parses and type-checks one file; a warning (a rule that can never apply) counts as an error. */
function cedarFaults(file: string, text: string): Fault[] {
  const answer = cedar.validate({ schema: schemaText, policies: { staticPolicies: text } });
  const errors =
    answer.type === "failure"
      ? answer.errors
      : [...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => error);
  return errors.map((error) => located(file, text, error));
}

function located(file: string, text: string, error: cedar.DetailedError): Fault {
  const start = error.sourceLocations?.[0]?.start;
  const line = start === undefined ? undefined : lineAt(text, startOf(text, start));
  return { file, line, text: `${error.message}${error.help ? `; ${error.help}` : ""}` };
}

/** Cedar counts in bytes of UTF-8. */
function startOf(text: string, bytes: number): number {
  return Buffer.from(text).subarray(0, bytes).toString().length;
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

function parseSettings(text: string, faults: Fault[]): PolicySet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    faults.push({ file: settingsFile, text: (error as Error).message });
    return policySet.parse({});
  }
  const parsed = policySet.safeParse(value);
  if (parsed.success) return parsed.data;
  faults.push(
    ...parsed.error.issues.map(({ path, message }) => ({
      file: settingsFile,
      text: `${path.join(".") || "the file"}: ${message}`,
    })),
  );
  return policySet.parse({});
}

function doubled(rules: readonly Rule[]): Fault[] {
  const first = new Map<string, Rule>();
  return rules.flatMap((rule) => {
    const other = first.get(rule.id);
    first.set(rule.id, other ?? rule);
    if (other === undefined) return [];
    const where = `${other.file}:${other.line}`;
    const text = `rule id ${rule.id} stands in ${where} as well`;
    return [{ file: rule.file, line: rule.line, text }];
  });
}

function invalid(faults: readonly Fault[]): QuipuError {
  const lines = faults.map(
    ({ file, line, text }) => `${file}${line === undefined ? "" : `:${line}`}: ${text}`,
  );
  return new QuipuError("INVALID_ARGUMENT", lines.join("\n"), {
    next: "mend the policy; the set in force is unchanged",
    details: { file: faults[0]?.file, faults: lines },
  });
}
