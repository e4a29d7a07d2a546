/**
 * A real browser without a window, spoken to over the DevTools protocol on a pair of pipes: one JSON message, then a
 * zero byte. Only what the tests of pages need.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** Path of the browser, where one is on PATH. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "chromium")).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What waits for it longer fails. */
const lifeMsMax = 90_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** One page of a browser of its own, with a profile that is thrown away. */
export class Chromium {
  /** Methods and parameters of all that the page told, in order. */
  readonly events: { readonly method: string; readonly params: unknown }[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #expected = new Map<string, () => void>();
  #sessionId: string | undefined;
  #count = 0;

  private constructor(path: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "quipu-chromium-"));
    const own = ["--headless=new", "--remote-debugging-pipe", `--user-data-dir=${this.#profile}`];
    // The tests run as root in containers, where the browser's own sandbox cannot start.
    const quiet = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
    // Without a locale it reads no file whose name is not ASCII.
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    this.#child = spawn(path, [...own, ...quiet, "about:blank"], { env, stdio: [...stdio] });
    const overdue = setTimeout(() => this.#child.kill("SIGKILL"), lifeMsMax);
    this.#child.on("exit", () => {
      clearTimeout(overdue);
      for (const give of this.#waiting.values()) give({ error: { message: "the browser ended" } });
    });
    void this.#read(this.#child.stdio[4] as Readable);
  }

  static async start(path: string): Promise<Chromium> {
    const browser = new Chromium(path);
    const { targetInfos } = await browser.send("Target.getTargets");
    const page = (targetInfos as { type: string; targetId: string }[]).find(
      ({ type }) => type === "page",
    );
    const attached = await browser.send("Target.attachToTarget", {
      targetId: page?.targetId,
      flatten: true,
    });
    browser.#sessionId = attached.sessionId as string;
    for (const domain of ["Page", "Runtime", "Log", "Network", "DOM"]) {
      await browser.send(`${domain}.enable`);
    }
    return browser;
  }

  async send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#count;
    const answer = new Promise<Message>((give) => this.#waiting.set(id, give));
    const session = this.#sessionId === undefined ? {} : { sessionId: this.#sessionId };
    const pipe = this.#child.stdio[3] as Writable;
    pipe.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  /** Waits until the page and its scripts have been read. */
  async open(url: string): Promise<void> {
    const loaded = this.#next("Page.loadEventFired");
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** What an expression or its promise gives, as JSON can carry it. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  /** As if a person had chosen these files. */
  async chooseFiles(selector: string, files: readonly string[]): Promise<void> {
    const { root } = await this.send("DOM.getDocument");
    const { nodeId } = root as { nodeId: number };
    const found = await this.send("DOM.querySelector", { nodeId, selector });
    await this.send("DOM.setFileInputFiles", { files, nodeId: found.nodeId });
  }

  /** As if a person had dropped these files or folders on the page. */
  async dropFiles(files: readonly string[]): Promise<void> {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.send("Input.dispatchDragEvent", { type, x: 50, y: 50, data });
    }
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  async #next(method: string): Promise<void> {
    await new Promise<void>((give) => this.#expected.set(method, give));
  }

  async #read(pipe: Readable): Promise<void> {
    let text = "";
    pipe.setEncoding("utf8");
    for await (const chunk of pipe) {
      const parts = (text + chunk).split("\0");
      text = parts.pop() ?? "";
      for (const part of parts) this.#take(JSON.parse(part) as Message);
    }
  }

  #take(message: Message): void {
    if (message.id === undefined) {
      const { method = "", params } = message;
      this.events.push({ method, params });
      this.#expected.get(method)?.();
      return;
    }
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }
}
