/** What `strace -f -y` wrote of a process that keeps a log in a folder. */
import { dirname } from "node:path";

export interface Call {
  readonly thread: string;
  readonly name: string;
  /** The log's files and folders among its arguments; what it changes is the last. */
  readonly paths: readonly string[];
  /** Of the last one: `commits`, `drafts`, `stage`, `tile`, `checkpoint`, …; empty: not of the log. */
  readonly place: string;
  readonly args: string;
  readonly isDone: boolean;
  readonly isStruck: boolean;
}

const changes = ["write", "fdatasync", "fsync", "link", "rename", "unlink", "mkdir", "rmdir"];
/** `writev` is how the writer answers. */
export const tracedNames: readonly string[] = ["openat", ...changes, "writev"];

export function parseTrace(text: string, folder: string): Call[] {
  const begun = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of text.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, rest.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const whole = resumed === undefined ? rest : `${begun.get(thread) ?? ""}${resumed}`;
    begun.delete(thread);
    const call = parseCall(thread, whole, folder);
    if (call !== undefined) calls.push(call);
  }
  // A process that was killed in a call leaves it unfinished.
  for (const [thread, start] of begun) {
    const call = parseCall(thread, `${start}) = ?`, folder);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function parseCall(thread: string, text: string, folder: string): Call | undefined {
  const [, name = "", args = "", result = ""] = /^(\w+)\((.*)\) += (.*)$/.exec(text) ?? [];
  if (name === "") return undefined;
  const quoted = [...args.matchAll(/["<](\/[^">]*)[">]/g)].map(([, path = ""]) => path);
  const paths = quoted.filter((path) => path === folder || path.startsWith(`${folder}/`));
  const [isDone, isStruck] = [!/^[-?]/.test(result), /INJECTED|^\?/.test(result)];
  return { thread, name, paths, place: placeOf(paths.at(-1), folder), args, isDone, isStruck };
}

function placeOf(path: string | undefined, folder: string): string {
  if (path === undefined) return "";
  const [part = "", inside = ""] = path.slice(folder.length + 1).split("/");
  return part === "public" && inside !== "" ? inside : part || "log";
}

/** Those that change what is on the disk, or make a change last. */
export function durableCalls(calls: readonly Call[]): Call[] {
  return calls.filter(
    ({ name, place, args }) =>
      place !== "" && (name === "openat" ? args.includes("O_CREAT") : changes.includes(name)),
  );
}

/**
 * What a loss of power could have undone, which a kill does not show: a name that came before its bytes
 * were durable, or an answer while a name was not.
 */
export function orderProblems(calls: readonly Call[]): string[] {
  const problems = new Set<string>();
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const { name, paths, place, args, isDone } of calls) {
    const [source = "", path = source] = [paths[0], paths.at(-1)];
    if (name === "writev" && folders.size > 0 && !args.includes('"refused')) {
      problems.add(`answered before ${[...folders].join(", ")} was durable`);
    }
    if (!isDone || path === "") continue;
    if (name === "write") files.add(path);
    if (name === "fdatasync" || name === "fsync") {
      files.delete(path);
      folders.delete(path);
    }
    if (name === "link" || name === "rename") {
      if (files.has(source)) problems.add(`${path} was named before its bytes were durable`);
    }
    const isNew = ["link", "rename", "mkdir"].includes(name);
    if (isNew && place !== "log") folders.add(dirname(path)); // what is around the log is not looked at
  }
  return [...problems];
}
