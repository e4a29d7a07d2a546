/** The provider of each offer, as its configuration says. */
import { join } from "node:path";
import { sha256, toHex } from "../../base/bytes.js";
import { CommandProvider } from "../../io/burst/command.js";
import { LocalProvider } from "../../io/burst/local.js";
import type { Provider } from "../../io/burst/provider.js";
import { SlurmProvider } from "../../io/burst/slurm.js";
import type { Offer } from "../../model/burst.js";
import type { DaemonOptions } from "../daemon.js";
import type { BurstPort } from "../ports.js";

const fleetLength = 12;

/** Pilots dial this coordinator, whoever leads by then; `origin` names the log, and so the fleet. */
export function burstPort(
  { burst, advertise, stateFolder }: DaemonOptions,
  origin: string,
): BurstPort | undefined {
  if (burst === undefined) return undefined;
  const { config, stepMs, agent } = burst;
  const fleet = toHex(sha256(new TextEncoder().encode(origin))).slice(0, fleetLength);
  const options = { fleet, agent, folder: join(stateFolder, "pilots") };
  return {
    config,
    providers: new Map(config.offers.map((offer) => [offer.name, providerOf(offer, options)])),
    coordinator: config.coordinator ?? advertise,
    stepMs,
  };
}

interface ProviderOptions {
  /** Marks what belongs to this fleet; the same for each coordinator of it and at each start. */
  readonly fleet: string;
  /** `quipud` of this installation, and how it is run. */
  readonly agent: readonly string[];
  /** For what pilots of this machine keep. */
  readonly folder: string;
}

function providerOf(
  { name, provider }: Offer,
  { fleet, agent, folder }: ProviderOptions,
): Provider {
  switch (provider.kind) {
    case "local":
      return new LocalProvider({ agent, folder: join(folder, name), data: provider.data });
    case "slurm":
      return new SlurmProvider({ ...provider, fleet, agent: provider.agent ?? agent });
    case "command":
      return new CommandProvider({
        ...provider,
        fleet,
        timeoutMs: 1000 * provider.timeoutSeconds,
      });
  }
}
