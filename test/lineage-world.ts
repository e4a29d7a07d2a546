/** A log of runs that read and made things, its statements in a folder of receipts, its tiles in another. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { digestOf, equalBytes } from "../src/base/bytes.js";
import type { RunFacts } from "../src/model/run.js";
import type { HeldSource, HeldStatement } from "../src/proof/lineage/open-leaves.js";
import { noticeFiles, receiptFiles } from "../src/proof/receipt/bundle.js";
import { openCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { formatVerifierKey, verifierKeyOf } from "../src/proof/tlog/verifier-key.js";
import { CoordinatorWorld, FakeHost, grantKey, job, logKey, origin } from "./coordinator-world.js";

const key = verifierKeyOf(logKey, origin);
export const logKeyText = formatVerifierKey(key);

export interface Asked {
  readonly country?: "SG" | "DE";
  readonly dataSet?: "people" | "open";
  readonly outcome?: RunFacts["outcome"];
  /** A text whose digest is the model's. */
  readonly model?: string;
  /** A text whose digest is the output's. */
  readonly makes?: string;
}

export const mixed: readonly Asked[] = [
  { dataSet: "people" },
  { dataSet: "open", country: "DE" },
  {},
  { dataSet: "open", outcome: "failed" },
  { dataSet: "people", outcome: "cancelled" },
];

export const artifact = (text: string) => digestOf(new TextEncoder().encode(text));

/** Each run in turn; entry 0 of the log is the first one's. */
export async function worldOf(runs: readonly Asked[]): Promise<CoordinatorWorld> {
  const world = await CoordinatorWorld.open();
  const hosts = { SG: new FakeHost(world), DE: new FakeHost(world, "de-1", "DE") };
  for (const host of Object.values(hosts)) await host.attach();
  for (const { country = "SG", dataSet, outcome = "succeeded", model, makes } of runs) {
    const host = hosts[country];
    const placement = { hosts: [host.name] };
    const digest = model === undefined ? undefined : artifact(model);
    if (digest !== undefined) world.artifacts.add(digest);
    await world.one(
      job({
        placement,
        ...(dataSet === undefined ? {} : { dataSet }),
        ...(digest && { task: { driver: "tensor", model: digest, inputs: {} } }),
      }),
    );
    const change = (facts: RunFacts): RunFacts => {
      if (facts.result === undefined || makes === undefined) return facts;
      const [output] = facts.result.outputs;
      if (output === undefined) return facts;
      const outputs = [{ ...output, digest: artifact(makes) }];
      return { ...facts, result: { ...facts.result, outputs } };
    };
    await host.report(host.seal(outcome, host.assign, change));
  }
  await world.advance(1); // the log takes what the coordinator states itself: both hosts' keys
  return world;
}

/** What the coordinator holds. */
async function statementsOf({ store }: CoordinatorWorld): Promise<HeldStatement[]> {
  const receipts = (await store.receipts.logged(0, 0, 1000)).map((one) => {
    return { index: one.logIndex, envelope: one.envelope, publicKey: one.receiptKey };
  });
  const notices = (await store.notices.logged(0, 1000)).map((one) => {
    return { index: one.logIndex ?? -1, envelope: one.envelope, publicKey: one.key };
  });
  return [...receipts, ...notices]
    .filter(({ envelope }) => envelope.length > 0)
    .sort((a, b) => a.index - b.index);
}

/** The log as a stranger reads it, and every statement of it. */
export async function read(world: CoordinatorWorld) {
  const files = world.disk.files;
  const reader = new LogReader(async (path) => files.get(path));
  const note = new TextDecoder().decode(files.get("checkpoint"));
  const all = await statementsOf(world);
  const noticeKeys = [grantKey.publicKey];
  return { reader, head: openCheckpoint(note, [key]), all, noticeKeys };
}

export function heldOf(statements: readonly HeldStatement[]): HeldSource {
  return async function* (first, leaves) {
    yield* statements.filter(({ index }) => index >= first && index < first + leaves.length);
  };
}

/** `log/` and `held/` in a new folder, as somebody has kept them. */
export async function foldersOf(world: CoordinatorWorld): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "quipu-lineage-"));
  const put = (path: string, content: Uint8Array) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of world.disk.files) put(`log/${path}`, content);
  for (const { index, envelope, publicKey } of await statementsOf(world)) {
    const proof = await world.log.inclusion(index);
    const filesOf = equalBytes(publicKey, grantKey.publicKey) ? noticeFiles : receiptFiles;
    for (const file of filesOf(`entry-${index}`, envelope, publicKey, proof, world.log)) {
      put(`held/${file.name}`, file.content);
    }
  }
  return folder;
}

/** The options by which no coordinator is asked. */
export const offline = (folder: string) => [
  ...["--held", join(folder, "held"), "--log", join(folder, "log"), "--log-key", logKeyText],
];
