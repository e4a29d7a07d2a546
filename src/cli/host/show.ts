/** `quipu host show HOST`. */
import { QuipuError } from "../../base/errors.js";
import type { Host } from "../../gen/quipu/v1/fleet_pb.js";
import type { Context, VerbAction } from "../context.js";
import { ageText, bytesText, shareText } from "../table.js";
import { type HostView, hostView } from "./host-view.js";

export const action: VerbAction = async (context, { args }) => {
  const { hosts } = await context.coordinator();
  return printHost(context, (await hosts.getHost({ name: args[0] ?? "" })).host);
};

export function printHost({ output }: Context, host: Host | undefined): number {
  if (host === undefined) throw new QuipuError("INTERNAL", "a host was answered without its value");
  const view = hostView(host);
  output.result({ host: view }, () => page(view));
  return 0;
}

function page(host: HostView): string {
  const seen =
    host.lastSeenAt === null ? "never" : ageText(Date.parse(host.lastSeenAt), Date.now());
  const lines = [
    `${host.name}  ${host.country}${host.zone === "" ? "" : ` ${host.zone}`}  ${host.site}, place ${host.grade}`,
    `state      ${host.attached ? "attached" : "away"}, last seen ${seen}`,
    ...cordonLines(host),
    ...reputationLines(host),
    `system     ${host.os}, kernel ${host.kernel}, agent ${host.agentVersion}`,
    `cpu        ${host.cpu}, ${host.cores} cores, ${bytesText(host.memoryBytes)}`,
    ...(host.driverVersion === null ? [] : [`driver     ${host.driverVersion}`]),
    ...host.devices.map(
      ({ id, model, memoryBytes, backends, slots, computeCapability, slice, health }) =>
        `device     ${id}  ${model}  ${bytesText(memoryBytes)}  ${backends.join(" ")}  ${slots} slot(s)` +
        (computeCapability === "" ? "" : `  capability ${computeCapability}`) +
        (slice === "" ? "" : `  slice ${slice}`) +
        (health === "healthy" ? "" : `  ${health}`),
    ),
    `data sets  ${host.dataSets.join(" ") || "none"}`,
  ];
  const { telemetry } = host;
  if (telemetry === null) return [...lines, "telemetry  none yet"].join("\n");
  const { cpu, memory } = telemetry;
  lines.push(
    `load       ${shareText(cpu.utilization ?? 0)} of all cores, ${cpu.load1m?.toFixed(2) ?? "?"} over one minute`,
    `memory     ${bytesText(memory.availableBytes)} free of ${bytesText(memory.totalBytes)}`,
    ...telemetry.gpus.map(
      (gpu) =>
        `gpu        ${gpu.device}  ${shareText(gpu.utilization)}  ${bytesText(gpu.memoryUsedBytes)} used  ` +
        `${gpu.temperatureCelsius} C  ${gpu.powerWatts.toFixed(0)} W`,
    ),
    ...telemetry.faults.map(({ collector, text }) => `fault      ${collector}: ${text}`),
  );
  return lines.join("\n");
}

function reputationLines({ reputation }: HostView): string[] {
  if (reputation === null) return [];
  const { right, wrong, rightInRow } = reputation;
  return [`audits     ${right} right, ${wrong} wrong; ${rightInRow} right in a row`];
}

function cordonLines({ cordon, runs }: HostView): string[] {
  if (cordon === null) return [];
  const lines = [`cordoned   since ${cordon.since}: ${cordon.reason}`];
  if (cordon.drainedAt === null) return lines;
  return [...lines, `drained    at ${cordon.drainedAt}, ${runs.length} run(s) there now`];
}
