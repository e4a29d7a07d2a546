/** A coordinator that may ask for pilots, a provider that keeps them in memory, and agents in them. */
import { QuipuError } from "../src/base/errors.js";
import type { PilotOrder, Provider, Seen } from "../src/io/burst/provider.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { PilotRecord } from "../src/io/store/records.js";
import { type BurstConfig, burstConfig } from "../src/model/burst.js";
import { CoordinatorWorld, FakeHost, settle } from "./coordinator-world.js";

export class FakeProvider implements Provider {
  readonly running = new Map<string, PilotOrder>();
  readonly orders: PilotOrder[] = [];
  readonly stops: string[] = [];
  /** Instead of taking an order. */
  refusal: QuipuError | undefined;
  /** Takes orders and says so, and nothing comes of them. */
  isIdle = false;
  isSilent = false;
  /** Takes its time to stop: it is asked again. */
  isSlow = false;
  /** Orders, or looks, are answered when it resolves. */
  readonly gates = { start: Promise.resolve(), status: Promise.resolve() };

  async start(order: PilotOrder): Promise<void> {
    this.orders.push(order);
    await this.gates.start;
    if (this.refusal !== undefined) throw this.refusal;
    if (!this.isIdle) this.running.set(order.id, order);
  }

  async status(): Promise<ReadonlyMap<string, Seen>> {
    await this.gates.status;
    if (this.isSilent) throw new QuipuError("UNAVAILABLE", "it does not answer");
    return new Map([...this.running.keys()].map((id) => [id, "running"]));
  }

  async stop(id: string): Promise<void> {
    this.stops.push(id);
    if (!this.isSlow) this.running.delete(id);
  }

  get order(): PilotOrder {
    const order = this.orders.at(-1);
    if (order === undefined) throw new Error("nothing was ordered");
    return order;
  }
}

export const publicOffer = {
  name: "cloud",
  place: { country: "DE", site: "public", grade: "operator-asserted" },
  devices: [{ id: "cpu", slots: 1 }],
  dataSets: ["people", "open"],
  ...{ pilotsMax: 2, waitSeconds: 10, idleSeconds: 30, bootSeconds: 60 },
  ...{ lifetimeSeconds: 600, drainSeconds: 60 },
  provider: { kind: "local" },
};

export function configOf(...offers: readonly object[]): BurstConfig {
  return burstConfig.parse({ version: "quipu.dev/burst/v1", offers });
}

export const stepMs = 1_000;

export class BurstWorld {
  readonly providers = new Map<string, FakeProvider>();

  private constructor(readonly fleet: CoordinatorWorld) {}

  static async open(...offers: readonly object[]): Promise<BurstWorld> {
    const world = new BurstWorld(await CoordinatorWorld.open());
    await world.configure(configOf(...offers));
    return world;
  }

  /** A new process with this configuration. */
  async configure(config: BurstConfig | undefined): Promise<void> {
    for (const { name } of config?.offers ?? []) {
      if (!this.providers.has(name)) this.providers.set(name, new FakeProvider());
    }
    const { providers } = this;
    const coordinator = "127.0.0.1:7";
    this.fleet.burst = config && { config, providers, coordinator, stepMs };
    await this.fleet.start();
  }

  provider(offer = "cloud"): FakeProvider {
    return this.providers.get(offer) as FakeProvider;
  }

  /** Time goes by, a step at a time. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.fleet.advance(stepMs);
      await settle();
    }
  }

  /** A job, and the wait after which a pilot is asked for. */
  async waitingJob(spec?: Uint8Array): Promise<string> {
    const id = await this.fleet.one(spec);
    await this.pass(publicOffer.waitSeconds + 1);
    return id;
  }

  /** The agent in a pilot, with a key of its own. */
  agent({ environment } = this.provider().order): PilotAgent {
    return new PilotAgent(this.fleet, environment);
  }

  async pilots(): Promise<readonly PilotRecord[]> {
    const { pilots } = this.fleet.store;
    const all = [...(await pilots.endedSince(0)), ...(await pilots.living())];
    return all.sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  async stages(): Promise<readonly string[]> {
    return (await this.pilots()).map(({ stage, failed }) => (failed ? `${stage}, failed` : stage));
  }
}

export class PilotAgent extends FakeHost {
  constructor(
    world: CoordinatorWorld,
    readonly environment: Readonly<Record<string, string>>,
  ) {
    const { QUIPU_NAME = "", QUIPU_COUNTRY } = environment;
    const country = QUIPU_COUNTRY as "SG" | "DE";
    super(world, QUIPU_NAME, country, newSigner("ecdsa-p256-sha256"));
  }

  override async attach(held: Parameters<FakeHost["attach"]>[0] = [], parts = {}): Promise<void> {
    await super.attach(held, { pilotToken: this.environment.QUIPU_PILOT_TOKEN, ...parts });
  }

  /** Why it was turned away; empty when it was not. */
  get refusal(): string {
    const [refused] = this.all("refused");
    return refused === undefined ? "" : `${refused.code}: ${refused.message}`;
  }
}
