/** Steps of an agent's world that several tests take. */
import { generateKeyPairSync, sign } from "node:crypto";
import type { Signer } from "../src/base/signature.js";
import type { RunUpdate } from "../src/gen/quipu/v1/attach_pb.js";
import { type Host, World } from "./agent-world.js";

export const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

export const signer: Signer = {
  algorithm: "ecdsa-p256-sha256",
  publicKey: new Uint8Array(keys.publicKey.export({ type: "spki", format: "der" })),
  sign: (message) => new Uint8Array(sign("sha256", message, keys.privateKey)),
};

export async function attached(hostCount = 1): Promise<World> {
  const world = new World(signer, hostCount);
  for (const host of world.hosts) {
    await host.start();
    host.connect();
  }
  await world.flow();
  return world;
}

/** A world whose one host works on the job. */
export async function working(): Promise<World> {
  const world = await attached();
  world.place(world.host);
  await world.flow();
  return world;
}

/** Lets time pass in steps of a heartbeat, with all messages delivered. */
export async function pass(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    world.advance(500);
    await world.flow();
  }
}

export function updates(host: Host): RunUpdate[] {
  return host.said.flatMap((message) => (message.case === "runUpdate" ? [message.value] : []));
}

export function isClean(host: Host): boolean {
  return (
    host.journal.files.size + host.spool.files.size === 0 && host.agent?.view.runs.length === 0
  );
}
