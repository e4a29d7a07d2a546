/** `quipu witness`: cosigns the logs that it is told of, for as long as they only grow, until it is stopped. */
import { once } from "node:events";
import { QuipuError } from "../../base/errors.js";
import { startHttp } from "../../io/http/server.js";
import { witnessRoutes } from "../../io/http/witness-routes.js";
import { loadOrCreateSigner } from "../../io/identity/signer.js";
import { openDurableFolder } from "../../io/store/durable-folder.js";
import { openStateFolder } from "../../io/store/state-folder.js";
import { Witness, type WitnessEvent } from "../../io/witness/witness.js";
import { parseVerifierKey, type VerifierKey } from "../../proof/tlog/verifier-key.js";
import { requestBytesMax } from "../../proof/tlog/witness.js";
import type { Context, Invocation, VerbAction } from "../context.js";
import { readTrustPolicy } from "./trust-policy-file.js";

export const action: VerbAction = async (context, { options }) => {
  const logs = await logsOf(options);
  const state = await openStateFolder(String(options.state), { kind: "witness", version: 1 });
  try {
    const witness = new Witness({
      name: String(options.name),
      signer: await loadOrCreateSigner(state.path, "witness", "ed25519"),
      logs,
      folder: await openDurableFolder(`${state.path}/logs`),
      clock: { wallMs: () => Date.now() },
      observe: (event) => tell(context, event),
    });
    const routes = [witnessRoutes(witness, requestBytesMax)];
    const http = await startHttp({ listen: String(options.listen), routes });
    const key = witness.keyText;
    context.output.result({ url: http.url, key, logs: logs.map(({ name }) => name) }, () =>
      [`witness ${key} ${http.url}`, "", "give this line to whoever runs a log named here:"]
        .concat(logs.map(({ name }) => `  ${name}`))
        .join("\n"),
    );
    if (!context.signal.aborted) await once(context.signal, "abort");
    await http.close();
  } finally {
    await state.close();
  }
  return 0;
};

async function logsOf(options: Invocation["options"]): Promise<readonly VerifierKey[]> {
  const given = (options.log as readonly string[] | undefined) ?? [];
  const logs = given.map((text) => parseVerifierKey(text));
  if (options.logs !== undefined) {
    const { policy } = await readTrustPolicy(String(options.logs));
    logs.push(...policy.logs.map(({ key }) => key));
  }
  if (logs.length > 0) return logs;
  throw new QuipuError("USAGE", "a witness that knows no log has nothing to cosign", {
    next: "name logs with --log VKEY (`quipu log head` shows one) or --logs FILE",
  });
}

function tell({ output }: Context, event: WitnessEvent): void {
  const what = `${event.origin} at size ${event.size}`;
  if (event.kind === "cosigned") output.note(`cosigned ${what}`);
  else if (event.isFork) output.note(`REFUSED ${what}: it has forked, and the proof is kept`);
  else output.note(`refused ${what}: it was not shown to hold what was cosigned before`);
}
