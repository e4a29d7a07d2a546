/**
 * What a host serves over HTTP: its outputs, to holders of a grant; its metrics; its health. Whether a
 * download is lawful was decided by the coordinator when it signed the grant; here it is checked that
 * the grant is its, is for this host and this blob, and has not expired.
 */
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { ArtifactStore } from "../io/artifact/store.js";
import {
  type ArtifactPermit,
  type ArtifactRequest,
  artifactRoutes,
} from "../io/http/artifact-routes.js";
import { healthRoutes } from "../io/http/health-routes.js";
import { metricsRoutes } from "../io/http/metrics-routes.js";
import { type HttpServer, startHttp } from "../io/http/server.js";
import { checkGrant } from "../io/identity/grant.js";
import { renderMetrics } from "../io/telemetry/metrics.js";
import type { Telemetry } from "../io/telemetry/telemetry.js";
import type { AgentView } from "./agent.js";
import { agentMetrics } from "./agent-metrics.js";

export interface HostServeOptions {
  readonly host: string;
  readonly listen: string;
  readonly clock: Clock;
  readonly store: ArtifactStore;
  readonly telemetry: Telemetry;
  /** The coordinator's key, known after the first welcome. */
  readonly grantKey: () => Uint8Array | undefined;
  /** Undefined while the agent is being opened. */
  readonly view: () => AgentView | undefined;
  readonly onFault: (text: string) => void;
}

export function serveHost(options: HostServeOptions): Promise<HttpServer> {
  const { host, listen, store, telemetry, view, onFault } = options;
  return startHttp({
    listen,
    routes: [
      artifactRoutes({
        store,
        authorize: (request) => authorize(request, options),
        sizeBytesMax: 0, // outputs come from runs alone; nothing is put from outside
      }),
      metricsRoutes(async () => {
        const [sample, now] = [telemetry.latest(), view()];
        const text = await renderMetrics(new Map(sample === undefined ? [] : [[host, sample]]));
        return now === undefined ? text : text + agentMetrics(host, now);
      }),
      healthRoutes(() => notReady(view())),
    ],
    onFault: ({ id, error }) => onFault(`HTTP fault ${id}: ${QuipuError.from(error).message}`),
  });
}

/** Why this host can take no work now; undefined when it can. */
function notReady(view: AgentView | undefined): string | undefined {
  if (view === undefined) return "starting";
  if (!view.attached) return "not attached to a coordinator";
  return view.spoolTrouble === "" ? undefined : `the spool cannot be written: ${view.spoolTrouble}`;
}

async function authorize(
  request: ArtifactRequest,
  { host, clock, grantKey }: Pick<HostServeOptions, "host" | "clock" | "grantKey">,
): Promise<ArtifactPermit> {
  if (request.action !== "get") {
    throw new QuipuError("PERMISSION_DENIED", `${host} gives outputs away and takes nothing in`, {
      next: "bring files to the coordinator: `quipu artifact put FILE`",
    });
  }
  const key = grantKey();
  if (key === undefined) {
    throw new QuipuError("UNAVAILABLE", `${host} is not attached yet and can check no grant`);
  }
  await checkGrant(key, { ...request, host }, clock.wallMs());
  return {};
}
