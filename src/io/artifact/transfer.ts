/**
 * What fetch and put share: one HTTP exchange that ends when it stalls, errors in the words of the
 * server that sent them, and trying again while that can help.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { requireLocalEndpoint } from "../../base/endpoint.js";
import { type ErrorCode, isErrorCode, QuipuError } from "../../base/errors.js";
import { abortError } from "../../base/until-abort.js";

export interface TransferOptions {
  /** Where the blob is served, for example `http://127.0.0.1:7070/v1/artifacts/sha256:…`. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Ends an exchange in which no byte moved for so long; its whole length is not limited. */
  readonly stallMs?: number;
  /** Attempts in a row without progress. */
  readonly attemptsMax?: number;
}

export const transferLimits = Object.freeze({
  stallMs: 15_000,
  attemptsMax: 5,
  /** Fewer new bytes than this are no progress. */
  progressBytesMin: 64 * 1024,
  backoffMsMin: 200,
  backoffMsMax: 5_000,
  errorBytesMax: 64 * 1024,
});

const codeOfHttp: Readonly<Record<number, ErrorCode>> = {
  400: "INVALID_ARGUMENT",
  401: "PERMISSION_DENIED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "DEADLINE_EXCEEDED",
  409: "CONFLICT",
  413: "LIMIT_EXCEEDED",
  429: "UNAVAILABLE",
};

/** Refuses a token or bytes in plain text to another machine. */
export function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new QuipuError("INVALID_ARGUMENT", `not an artifact's address: ${text.slice(0, 200)}`, {
      next: "it begins with http:// or https://",
    });
  }
  if (url.protocol === "http:") {
    const host = url.hostname.replace(/^\[|\]$/g, "").replace(/^localhost$/, "127.0.0.1");
    requireLocalEndpoint({ kind: "tcp", host, port: Number(url.port || 80) }, "dial");
  }
  return url;
}

/**
 * One exchange. `work` calls `moved` whenever bytes arrive or leave, and gets a signal that aborts
 * when none did for `stallMs`, or when the caller cancels.
 */
export async function exchange<T>(
  options: TransferOptions,
  work: (signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  const stallMs = options.stallMs ?? transferLimits.stallMs;
  const stop = new AbortController();
  const stalled = new QuipuError("DEADLINE_EXCEEDED", `nothing moved for ${stallMs} ms`);
  const timer = setTimeout(() => stop.abort(stalled), stallMs);
  const cancel = (): void => stop.abort(signal?.reason);
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await work(stop.signal, () => timer.refresh());
  } catch (error) {
    if (signal?.aborted === true) throw abortError(signal, "an artifact's transfer");
    if (stop.signal.aborted) throw stalled;
    throw connectionError(error, options.url);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/** Again, while the error is one that can pass; `progress` says whether the last attempt moved on. */
export async function retrying<T>(
  attempt: () => Promise<T>,
  options: TransferOptions,
  progress: () => boolean,
): Promise<T> {
  const attemptsMax = options.attemptsMax ?? transferLimits.attemptsMax;
  for (let idle = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      idle = progress() ? 1 : idle + 1;
      if (!isPassing(error) || idle >= attemptsMax) throw error;
      const backoffMs = transferLimits.backoffMsMin * 2 ** (idle - 1);
      const waitMs = Math.min(backoffMs, transferLimits.backoffMsMax) * (0.5 + Math.random() / 2);
      await pause(waitMs, options.signal);
    }
  }
}

async function pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal === undefined ? error : abortError(signal, "an artifact's transfer");
  }
}

/** The error that a response carries: whole when it is ours, else by its status. */
export async function responseError(response: Response, url: string): Promise<QuipuError> {
  const text = await boundedText(response);
  const parsed = errorOf(text);
  if (parsed !== undefined) return parsed;
  const fallback = response.status >= 500 ? "UNAVAILABLE" : "INVALID_ARGUMENT";
  const code = codeOfHttp[response.status] ?? fallback;
  return new QuipuError(code, `${url} answered ${response.status} ${response.statusText}`, {
    next: "check that the address is that of a quipu host or coordinator",
    details: { url, status: response.status },
  });
}

function isPassing(error: unknown): boolean {
  const code = error instanceof QuipuError ? error.code : undefined;
  return code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED";
}

/** Errors of the connection have many names in Node; all of them may pass. */
function connectionError(error: unknown, url: string): QuipuError {
  if (error instanceof QuipuError) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  const why = cause instanceof Error ? cause.message : String((error as Error).message ?? error);
  return new QuipuError("UNAVAILABLE", `the connection to ${url} broke: ${why}`, {
    next: "check that the host that serves it is up",
    details: { url },
    cause: error,
  });
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const bytes of response.body ?? []) {
    parts.push(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes > transferLimits.errorBytesMax) break;
  }
  return Buffer.concat(parts).toString("utf8");
}

function errorOf(text: string): QuipuError | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: Record<string, unknown> };
    const { code, message, next } = error ?? {};
    if (typeof code !== "string" || !isErrorCode(code) || typeof message !== "string") return;
    return new QuipuError(code, message, typeof next === "string" ? { next } : {});
  } catch {
    return undefined; // not JSON: some other server's page
  }
}
