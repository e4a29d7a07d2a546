/** `quipu up`: a coordinator and an agent on this machine, with an embedded store. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { stateFolderHolder } from "../../io/store/state-folder.js";
import type { Context, VerbAction } from "../context.js";
import { readEndpoints } from "../coordinator-link.js";
import { countryCode, rememberCountry } from "../destination.js";
import { startDaemon } from "./daemon.js";

export const action: VerbAction = async (context, { options }) => {
  const { home } = context.paths;
  const country = countryCode(options.country);
  const coordinator = await ensureCoordinator(context);
  await rememberCountry(context, country);
  const name = String(options.name ?? hostLabel(hostname()));
  const data = String(options.data ?? join(home, "data"));
  const agentState = join(home, "agent");
  const running = await stateFolderHolder(agentState);
  if (running === undefined) {
    await mkdir(data, { recursive: true });
    await startDaemon({
      program: context.paths.agentProgram,
      args: [
        "--name",
        name,
        "--country",
        country,
        "--site",
        String(options.site),
        "--coordinator",
        coordinator,
      ].concat(["--state", agentState, "--data", data, "--http", "127.0.0.1:0"]),
      logFile: join(home, "agent.log"),
      detached: true,
      signal: context.signal,
    });
    context.output.note(
      `agent ${name} is up (${country}, ${options.site}); data sets are read from ${data}`,
    );
  } else {
    context.output.note(`the agent is already up (process ${running})`);
  }
  context.output.result(
    { coordinator, host: name, home, data },
    () => "next: quipu status; quipu plan FILE",
  );
  return 0;
};

async function ensureCoordinator(context: Context): Promise<string> {
  const { home } = context.paths;
  const state = join(home, "coordinator");
  const running = await stateFolderHolder(state);
  const known = running === undefined ? undefined : await readEndpoints(state);
  if (known?.grpc !== undefined) {
    context.output.note(`the coordinator is already up (process ${running})`);
    return known.grpc;
  }
  const started = await startDaemon({
    program: context.paths.coordinatorProgram,
    args: [
      "--state",
      state,
      "--listen",
      `unix:${join(home, "coordinator.sock")}`,
      "--http",
      "127.0.0.1:0",
    ],
    logFile: join(home, "coordinator.log"),
    detached: true,
    signal: context.signal,
  });
  const address = String(started.ready.grpc);
  context.output.note(`coordinator is up at ${address}`);
  return address;
}

/** The machine's name as a host name that Quipu accepts. */
function hostLabel(machine: string): string {
  const label = machine
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63);
  if (label !== "") return label;
  throw new QuipuError("USAGE", "the machine's name makes no host name", {
    next: "give one with --name",
  });
}
