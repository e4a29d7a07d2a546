import type { DataSetService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { dataSetMessage } from "../wire.js";

export function listDataSets(core: Core): Handlers<typeof DataSetService>["listDataSets"] {
  return async () => ({ dataSets: (await core.ports.store.dataSets.all()).map(dataSetMessage) });
}
