/**
 * YAML files (JSON is one) against a schema, a value a document. Whatever is wrong is named with
 * file, line and column, all faults at once.
 */
import { readFile, stat } from "node:fs/promises";
import { type Document, isNode, LineCounter, parseAllDocuments } from "yaml";
import type { core, ZodType } from "zod";
import { QuipuError } from "../base/errors.js";
import { limits } from "../base/limits.js";

export interface YamlKind<T> {
  /** What one document is, for messages: `job`. */
  readonly what: string;
  readonly schema: ZodType<T>;
  readonly bytesMax?: number;
  /** Changes a document before it is checked. */
  readonly prepare?: (value: unknown) => Promise<unknown>;
  /** The error of files with faults. */
  readonly invalid?: (faults: readonly string[]) => QuipuError;
}

export async function readYaml<T>(file: string, kind: YamlKind<T>): Promise<T[]> {
  const { what, schema, prepare, invalid = plainlyInvalid } = kind;
  const text = await readText(file, kind);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true });
  if (!Array.isArray(documents) || documents.length === 0) throw invalid([`${file}: is empty`]);
  const values: T[] = [];
  for (const document of documents) {
    const faults = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message.split("\n")[0]}`;
    });
    if (faults.length > 0) throw invalid(faults);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    const parsed = schema.safeParse(prepare === undefined ? value : await prepare(value));
    if (!parsed.success) {
      const source = { document, lines, file, what };
      throw invalid(parsed.error.issues.flatMap((issue) => describe(issue, source)));
    }
    values.push(parsed.data);
  }
  return values;
}

async function readText<T>(file: string, kind: YamlKind<T>): Promise<string> {
  const { what, bytesMax = limits.jobBytesMax, invalid = plainlyInvalid } = kind;
  const facts = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `${what} file ${file} cannot be read: ${cause.message}`, {
      next: "check the path; examples are in examples/",
      cause,
    });
  });
  if (facts.isFile() && facts.size <= bytesMax) return readFile(file, "utf8");
  const fault = facts.isFile() ? `is larger than ${bytesMax} bytes` : "is not a file";
  throw invalid([`${file}: ${fault}`]);
}

interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly file: string;
  readonly what: string;
}

function describe(issue: core.$ZodIssue, source: Source): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const where = position([...issue.path, key], source);
      return `${where}: unknown key ${[...issue.path, key].join(".")}`;
    });
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // Of the forms that it may have, the one that it comes nearest to.
    const [nearest = []] = [...issue.errors].sort((a, b) => a.length - b.length);
    return nearest.flatMap((one) =>
      describe({ ...one, path: [...issue.path, ...one.path] }, source),
    );
  }
  const where = position(issue.path, source);
  return [`${where}: ${issue.path.join(".") || source.what}: ${issue.message}`];
}

/** The place of the nearest node that exists on the way to `path`. */
function position(path: readonly PropertyKey[], { document, lines, file }: Source): string {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (!isNode(node) || node.range === undefined || node.range === null) continue;
    const { line, col } = lines.linePos(node.range[0]);
    return `${file}:${line}:${col}`;
  }
  return file;
}

function plainlyInvalid(faults: readonly string[]): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", faults.join("\n"), { details: { faults } });
}
