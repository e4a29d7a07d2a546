/** The demo's fleet: a coordinator and three agents, each a process with its own state and data. */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.js";
import { type Daemon, startDaemon, stopDaemon } from "../service/daemon.js";

export interface DemoHost {
  readonly name: string;
  readonly country: string;
  readonly site: "private" | "public";
  /** Data sets that lie on it. Personal data never lies where it may not be processed. */
  readonly dataSets: readonly string[];
}

export const demoHosts: readonly DemoHost[] = [
  { name: "sg-1", country: "SG", site: "private", dataSets: ["digits", "digits-open"] },
  { name: "cl-1", country: "CL", site: "private", dataSets: ["digits", "digits-open"] },
  { name: "de-1", country: "DE", site: "public", dataSets: ["digits-open"] },
];

export interface Fleet {
  /** gRPC address of the coordinator. */
  readonly address: string;
  readonly httpUrl: string;
  dataFolder(host: string, dataSet: string): string;
  stop(): Promise<void>;
}

export async function startFleet(context: Context, folder: string): Promise<Fleet> {
  const daemons: Daemon[] = [];
  const stop = async (): Promise<void> => {
    // Agents first: they hand their runs back while someone still listens.
    const [coordinator, ...agents] = daemons;
    await Promise.all(agents.map((agent) => stopDaemon(agent)));
    if (coordinator !== undefined) await stopDaemon(coordinator);
  };
  const dataFolder = (host: string, dataSet: string): string => join(folder, host, "data", dataSet);
  try {
    const coordinator = await startCoordinator(context, folder);
    daemons.push(coordinator);
    const address = String(coordinator.ready.grpc);
    const agents = await Promise.all(
      demoHosts.map(async (host) => {
        for (const set of host.dataSets) await placeData(context, dataFolder(host.name, set));
        return startAgent(context, folder, host, address);
      }),
    );
    daemons.push(...agents);
    return { address, httpUrl: String(coordinator.ready.http), dataFolder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startCoordinator({ paths, signal }: Context, folder: string): Promise<Daemon> {
  const state = join(folder, "coordinator");
  const listen = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  return startDaemon({
    program: paths.coordinatorProgram,
    args: ["--state", state, ...listen, "--origin", "quipu.example/demo"],
    logFile: join(folder, "coordinator.log"),
    detached: false,
    signal,
  });
}

function startAgent(
  { paths, signal }: Context,
  folder: string,
  host: DemoHost,
  coordinator: string,
) {
  const { name, country, site } = host;
  const folders = ["--state", join(folder, name, "state"), "--data", join(folder, name, "data")];
  return startDaemon({
    program: paths.agentProgram,
    args: [
      "--name",
      name,
      "--country",
      country,
      "--site",
      site,
      "--coordinator",
      coordinator,
    ].concat(folders, ["--http", "127.0.0.1:0"]),
    logFile: join(folder, `${name}.log`),
    detached: false,
    signal,
  });
}

async function placeData({ paths }: Context, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await cp(join(paths.packageRoot, "examples", "data", "digits"), target, { recursive: true });
}
