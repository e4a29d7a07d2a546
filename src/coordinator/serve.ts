/**
 * What a coordinator serves over HTTP: its blobs to holders of a grant, its log and the page that checks receipts,
 * metrics, health.
 */
import type { Clock } from "../base/clock.js";
import type { ArtifactStore } from "../io/artifact/store.js";
import {
  type ArtifactPermit,
  type ArtifactRequest,
  artifactRoutes,
} from "../io/http/artifact-routes.js";
import type { HttpFault } from "../io/http/error-reply.js";
import { healthRoutes } from "../io/http/health-routes.js";
import { type LogFiles, logRoutes } from "../io/http/log-routes.js";
import { metricsRoutes } from "../io/http/metrics-routes.js";
import { pageRoutes } from "../io/http/page-routes.js";
import { type HttpServer, startHttp } from "../io/http/server.js";
import { checkGrant } from "../io/identity/grant.js";
import type { Switchboard } from "../io/rpc/switchboard.js";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import type { Coordinator } from "./coordinator.js";
import { ownName } from "./dispatch/grants.js";
import { metricsText } from "./metrics.js";

export interface ServeOptions {
  readonly listen: string;
  readonly clock: Clock;
  readonly store: ArtifactStore;
  readonly grantKey: Uint8Array;
  readonly readLog: LogFiles;
  /** The page that checks receipts in a browser. */
  readonly verifyPage: string;
  /** Most bytes of any upload. */
  readonly sizeBytesMax: number;
  /** Whether calls are answered here, by this one or by whoever leads. */
  readonly serves: () => boolean;
  /** Undefined while it stands by or recovers. */
  readonly coordinator: () => Coordinator | undefined;
  /** Why it cannot do its work now; nothing when all is well. */
  readonly notReady: () => Promise<string | undefined>;
  readonly onFault: (fault: HttpFault) => void;
}

export async function serveCoordinator(options: ServeOptions): Promise<HttpServer> {
  const { listen, store, sizeBytesMax, coordinator, serves, notReady, onFault } = options;
  return await startHttp({
    listen,
    routes: [
      artifactRoutes({ store, sizeBytesMax, authorize: (request) => authorize(request, options) }),
      logRoutes(options.readLog),
      await pageRoutes(options.verifyPage),
      metricsRoutes(() => metricsText(coordinator(), serves())),
      healthRoutes(notReady),
    ],
    onFault,
  });
}

/** Why calls that come now could not be dealt with, in words; nothing when all is well. */
export async function whyNotReady(
  board: Pick<Switchboard, "silence">,
  store: Pick<CoordinatorStore, "check">,
  coordinator: Coordinator | undefined,
): Promise<string | undefined> {
  if (board.silence !== undefined) return board.silence;
  const silence = await store.check().then(
    () => undefined,
    ({ message }: Error) => message,
  );
  return silence ?? coordinator?.core.receiptsOwed.fault;
}

/** Whether it is lawful was decided when the grant was signed; here it is only checked. */
export async function authorize(
  request: ArtifactRequest,
  { grantKey, clock }: Pick<ServeOptions, "grantKey" | "clock">,
): Promise<ArtifactPermit> {
  const { sizeBytes } = await checkGrant(grantKey, { ...request, host: ownName }, clock.wallMs());
  return sizeBytes === undefined ? {} : { sizeBytesMax: sizeBytes };
}
