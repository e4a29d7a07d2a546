/**
 * Who may attach under the name of a pilot: the one agent that shows the token which was made for it.
 * The first agent that does is remembered by its receipt key, and the token is worth nothing in any
 * other hand from then on.
 */
import { digestOf, equalBytes } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { HostRecord, PilotRecord } from "../../io/store/records.js";
import { type Device, isCapable, isDrivenBy } from "../../model/host.js";

/** The host as it may join; throws PERMISSION_DENIED or INVALID_ARGUMENT. To be run in a transaction. */
export async function admitPilot(
  { hosts, pilots }: Pick<StoreTables, "hosts" | "pilots">,
  said: HostRecord,
  token: string,
  atMs: number,
): Promise<HostRecord> {
  const known = await hosts.get(said.name);
  if (known?.offer === undefined) {
    if (token === "") return said;
    throw denied(`no pilot is expected under the name ${said.name}`);
  }
  const pilot = await pilots.livingOn(said.name);
  const isHis = pilot?.tokenDigest === digestOf(new TextEncoder().encode(token));
  if (pilot === undefined || !isHis) {
    throw denied(`the name ${said.name} is a pilot's, and the token for it was not shown`);
  }
  if (pilot.stage === "stopping") throw denied(`pilot ${said.name} is being stopped`);
  if (pilot.receiptKey !== undefined && !equalBytes(pilot.receiptKey, said.receiptKey)) {
    throw denied(`the token of pilot ${said.name} has been used by another agent`);
  }
  checkPlace(said, known);
  if (pilot.receiptKey === undefined) {
    checkPromise(said, known);
    await pilots.update(joined(pilot, said.receiptKey, atMs));
  }
  return { ...said, place: known.place, offer: known.offer };
}

function joined(pilot: PilotRecord, receiptKey: Uint8Array, atMs: number): PilotRecord {
  return { ...pilot, stage: "joined", receiptKey, joinedAtMs: atMs };
}

/** Its offer says where it stands; receipts state what the agent says, so both must be the same. */
function checkPlace(said: HostRecord, { place, offer }: HostRecord): void {
  if (canonicalJson(said.place) === canonicalJson(place)) return;
  throw denied(`pilot ${said.name} states another place than its offer ${offer}`);
}

/** Less than was offered would be asked for again and again by the jobs that need it. */
function checkPromise(said: HostRecord, promised: HostRecord): void {
  const { devices, dataSets, offer } = promised;
  const lacking = devices.find((one) => {
    const real = said.devices.find(({ id }) => id === one.id);
    return real === undefined || isLess(real, one);
  });
  const absent = dataSets.find((one) => !said.dataSets.includes(one));
  const { cores = 0, memoryBytes = 0 } = promised;
  const what = [
    ...(lacking === undefined ? [] : [`device ${lacking.id} as described`]),
    ...(absent === undefined ? [] : [`data set ${absent}`]),
    ...((said.cores ?? 0) < cores ? [`${cores} cores`] : []),
    ...((said.memoryBytes ?? 0) < memoryBytes ? [`${memoryBytes} bytes of memory`] : []),
  ][0];
  if (what === undefined) return;
  throw new QuipuError("INVALID_ARGUMENT", `pilot ${said.name} has no ${what}`, {
    next: `correct what offer ${offer} says of its pilots, or give them what it says`,
  });
}

function isLess(real: Device, promised: Device): boolean {
  const { memoryBytes, slots, backends, computeCapability, driverVersion, slice } = promised;
  return (
    real.memoryBytes < memoryBytes ||
    real.slots < slots ||
    backends.some((name) => !real.backends.includes(name)) ||
    (computeCapability !== undefined && !isCapable(real, computeCapability)) ||
    (driverVersion !== undefined && !isDrivenBy(real, driverVersion)) ||
    real.slice !== slice
  );
}

function denied(message: string): QuipuError {
  return new QuipuError("PERMISSION_DENIED", message, {
    next: "let the coordinator start pilots; an agent of your own needs another name",
  });
}
