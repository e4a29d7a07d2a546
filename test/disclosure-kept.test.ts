/** What a coordinator takes of disclosures, keeps beside receipts, and shows. */
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { discloseReceipt } from "../src/coordinator/api/disclose-receipt.js";
import { getReceipt } from "../src/coordinator/api/get-receipt.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { eraseReceipts } from "../src/coordinator/log/erase-receipts.js";
import { revokeKey } from "../src/coordinator/log/host-keys.js";
import { DisclosureSchema, type RunUpdate } from "../src/gen/quipu/v1/attach_pb.js";
import type { DiscloseReceiptResponse, GetReceiptResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { Statement } from "../src/model/statement.js";
import { sealDisclosure } from "../src/proof/receipt/disclosure.js";
import { parseEnvelope } from "../src/proof/receipt/envelope.js";
import { parseStatement } from "../src/proof/receipt/statement.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { CoordinatorWorld, FakeHost } from "./coordinator-world.js";
import { verdict } from "./disclosure-verdict.js";
import { failure } from "./failure.js";
import { goldenSeed } from "./receipt-vectors.js";

const call = { signal: new AbortController().signal, peer: "unix" };

/** As an agent of this version ends a run, save for what `change` makes of its disclosure. */
function sealed(
  host: FakeHost,
  signer = host.signer,
  seed: Uint8Array = goldenSeed,
  change: (statement: Statement) => void = () => {},
): RunUpdate {
  const update = host.seal();
  const envelope = parseEnvelope(update.envelope);
  const statement = parseStatement(envelope.payload);
  change(statement);
  const made = sealDisclosure({ envelope, statement }, seed, signer);
  update.disclosure = create(DisclosureSchema, made);
  return update;
}

t.test(
  "a coordinator takes a disclosure that is of the receipt, or none, and no other",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const host = new FakeHost(world);
    await host.attach();
    const wrong: readonly [RegExp, () => RunUpdate][] = [
      [
        /not the one of its receipt/,
        () =>
          sealed(host, host.signer, goldenSeed, ({ predicate }) => {
            predicate.host.place.country = "CL";
          }),
      ],
      [/names key/, () => sealed(host, newSigner("ecdsa-p256-sha256"))],
      [/its seed has 15 bytes/, () => sealed(host, host.signer, new Uint8Array(15))],
      [/its seed has 65 bytes/, () => sealed(host, host.signer, new Uint8Array(65))],
      [
        /not the one of its receipt/,
        () => {
          const update = sealed(host);
          if (update.disclosure) update.disclosure.seed = new Uint8Array(32);
          return update;
        },
      ],
      [
        /not acceptable JSON/,
        () => {
          const update = sealed(host);
          if (update.disclosure) update.disclosure.envelope = new Uint8Array(9);
          return update;
        },
      ],
    ];
    for (const [message, update] of wrong) {
      await world.one();
      await host.report(update());
      t.match(host.ack, { accepted: false, failure: { code: "VERIFICATION_FAILED", message } });
      await world.advance(300);
      await host.report(host.seal());
      t.match(host.ack, { accepted: true }, "an agent of a version before sends none");
      await world.advance(300);
    }
    await world.store.close();
  },
);

t.test("the coordinator shows what is asked for, of a receipt that is kept", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const id = await world.one();
  const { runId } = host.assign;
  const ask = async (asked: string, fields: readonly string[] = ["place"]) => {
    const handler = discloseReceipt(world.coordinator.core);
    return (await handler({ id: asked, fields } as never, call)) as DiscloseReceiptResponse;
  };
  t.match(await failure(ask(id)), { code: "NOT_FOUND", message: /has no receipt/ });
  await host.report(sealed(host));
  await world.advance(300);
  await world.start();
  for (const asked of [id, runId]) {
    const answer = await ask(asked);
    const [shown] = answer.files;
    t.equal(
      shown?.name,
      `entry-${answer.logIndex}.disclosure.json`,
      "which names neither job nor run",
    );
    t.equal(verdict(shown?.content ?? new Uint8Array(), trustBeside(answer.files)), "ok");
  }
  t.match(await failure(ask("job-none")), { code: "NOT_FOUND" });
  t.match(await failure(ask(id, [])), { code: "INVALID_ARGUMENT" });
  t.match(await failure(ask(id, ["colour"])), { code: "INVALID_ARGUMENT" });

  const old = await world.one();
  await host.attach();
  await world.advance(300);
  await host.report(host.seal());
  await world.advance(300);
  t.match(await failure(ask(old)), { code: "NOT_FOUND", message: /signed no disclosure/ });

  host.leave();
  const unsigned = await world.one();
  await cancelJob(world.coordinator.core, unsigned, "not any more");
  await world.advance(300);
  t.match(await failure(ask(unsigned)), { code: "NOT_FOUND", message: /no host has signed/ });
  await host.attach();

  const third = await world.one();
  await host.report(sealed(host));
  await world.advance(300);

  const { files: before } = await ask(id);
  await eraseReceipts(world.coordinator.core, id, "its owner asked");
  t.match(await failure(ask(id)), { code: "NOT_FOUND", message: /was erased/ });
  t.equal((await world.store.receipts.get(runId))?.disclosure, undefined, "nor is the seed kept");
  t.equal(verdict(before[0]?.content ?? new Uint8Array(), trustBeside(before)), "ok");

  await revokeKey(world.coordinator.core, "sg-1", { reason: "stolen" });
  await world.advance(300);
  const { files: revoked } = (await getReceipt(world.coordinator.core)(
    { jobId: old } as never,
    call,
  )) as GetReceiptResponse;
  const later = trustBeside(revoked);
  t.match(verdict(before[0]?.content ?? new Uint8Array(), later), /^key: .*signed before/);
  t.match(await failure(ask(third)), { code: "CONFLICT", message: /was revoked/ });
  await world.store.close();
});
