import { digestOf } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { DataSet as DataSetMessage, DataSetService } from "../../gen/quipu/v1/fleet_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { type DataSet, dataSet as shape } from "../../model/data-set.js";
import type { Core } from "../core.js";
import { dataSetMessage } from "../wire.js";

/** The same facts again answer with the first registration; other facts need another name. */
export function addDataSet(core: Core): Handlers<typeof DataSetService>["addDataSet"] {
  return async ({ dataSet }) => {
    const facts = factsOf(dataSet);
    const registeredAtMs = core.ports.clock.wallMs();
    const record = await core.ports.store.transact(async (tables) => {
      const { dataSets } = tables;
      const known = await dataSets.get(facts.name);
      if (known === undefined) {
        await dataSets.insert({ facts, registeredAtMs });
        const { name, owner, dataClass, manifestDigest: digest } = facts;
        const details = { name, owner, dataClass, facts: digestOf(canonicalBytes(facts)) };
        await core.notices.did(tables, {
          kind: "data-set.add",
          about: `data-set ${name}`,
          digest,
          details,
        });
        return { facts, registeredAtMs };
      }
      if (canonicalJson(known.facts) === canonicalJson(facts)) return known;
      throw new QuipuError("ALREADY_EXISTS", `data set ${facts.name} has other facts already`, {
        next: "register the changed data under a new name; receipts speak of the old one",
      });
    });
    core.wake();
    return { dataSet: dataSetMessage(record) };
  };
}

function factsOf(message: DataSetMessage | undefined): DataSet {
  const { name, dataClass, owner, countries, manifestDigest, merkleRoot } = message ?? {};
  const terms = message?.terms ?? new Uint8Array();
  const parsed = shape.safeParse({
    name,
    dataClass,
    owner,
    countries,
    ...(terms.length === 0 ? {} : { terms: jsonOf(terms) }),
    manifestDigest,
    merkleRoot,
    sizeBytes: Number(message?.sizeBytes ?? -1),
    files: Number(message?.files ?? -1),
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `the data set is not one: ${issue?.path.join(".")}: ${issue?.message}`,
    { next: "see `quipu data add --help`" },
  );
}

/** What is no JSON is no object either: the shape says what it should be. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}
