/** What this host has, kept current: static facts read once, devices, their driver and data sets as they change. */
import type { Inventory as InventoryMessage } from "../gen/quipu/v1/types_pb.js";
import { dataSetNames, readDriverVersion, readInventory } from "../io/telemetry/inventory.js";
import type { Device } from "../model/host.js";
import type { Inventory } from "../model/telemetry.js";
import { inventoryMessage } from "./telemetry-message.js";

export interface InventoryOptions {
  readonly agentVersion: string;
  readonly dataRoot: string;
  readonly devices: () => readonly Device[];
}

export class HostInventory {
  readonly #options: InventoryOptions;
  #facts: Inventory;

  private constructor(options: InventoryOptions, facts: Inventory) {
    this.#options = options;
    this.#facts = facts;
  }

  static async read(options: InventoryOptions): Promise<HostInventory> {
    const { agentVersion, dataRoot, devices } = options;
    return new HostInventory(
      options,
      await readInventory({ devices: devices(), agentVersion, dataRoot }),
    );
  }

  get message(): InventoryMessage {
    return inventoryMessage(this.#facts);
  }

  get deviceCount(): number {
    return this.#facts.devices.length;
  }

  /** Looks again; true when something that the coordinator places jobs by is different. */
  async refresh(): Promise<boolean> {
    const dataSets = (await dataSetNames(this.#options.dataRoot)).map((name) => ({ name }));
    const devices = this.#options.devices();
    const facts = { ...this.#facts, devices, dataSets, driverVersion: await readDriverVersion() };
    const changed = JSON.stringify(facts) !== JSON.stringify(this.#facts);
    this.#facts = facts;
    return changed;
  }
}
