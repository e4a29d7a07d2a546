import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { seededRandom } from "../src/base/random.js";
import {
  type ArtifactStore,
  type ArtifactStoreOptions,
  openArtifactStore,
} from "../src/io/artifact/store.js";

export const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
export function newFolder(): string {
  folders += 1;
  return join(root, `store-${folders}`);
}

export async function newStore(options?: ArtifactStoreOptions): Promise<ArtifactStore> {
  return await openArtifactStore(newFolder(), options);
}

export const bytesOf = (count: number, seed = 7): Uint8Array => seededRandom(seed).bytes(count);

export async function* chunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function readAll(store: ArtifactStore, digest: Digest, start?: number, end?: number) {
  const range = {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
  const { stream } = await store.open(digest, range);
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Text compares fast where typed arrays are walked through. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Everything below a store's folder that is a file. */
export function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

/** A server that answers as the test says; counts what it was asked. */
export async function flaky(
  test: { teardown(end: () => void): void },
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  test.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/blob`, requests };
}

export const rangeStart = (request: IncomingMessage): number =>
  Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);

export function answerRange(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
): void {
  const start = rangeStart(request);
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  const headers = { "content-length": bytes.length - start };
  if (start === 0) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, "content-range": range });
}
