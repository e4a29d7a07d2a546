/** What one receipt takes of the processor where it is sealed and where its signature is checked. */
import { verifySignature } from "../src/base/signature.js";
import { nativeSha256Many } from "../src/compute/native/sha256-many.js";
import { newSigner } from "../src/io/identity/signer.js";
import { checkDisclosure, sealDisclosure, seedBytes } from "../src/proof/receipt/disclosure.js";
import { entryOf, parseEnvelope, sealEnvelope } from "../src/proof/receipt/envelope.js";
import { buildStatement, parseStatement } from "../src/proof/receipt/statement.js";
import { receiptFacts } from "../test/receipt-vectors.js";
import { median } from "./harness.js";
import type { Said } from "./result.js";

const verifiedMin = 14_000;
const sealUsMax = 100;
const rounds = 9;

/** Microseconds of this process's time for each call. */
function microseconds(calls: number, call: () => void): number {
  const taken = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage();
    for (let i = 0; i < calls; i += 1) call();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / calls;
  });
  return median(taken);
}

export function checkLines(quick: boolean): Said[] {
  const calls = quick ? 300 : 3_000;
  const signer = newSigner("ecdsa-p256-sha256");
  const message = new Uint8Array(380);
  const signature = signer.sign(message);
  const verifyUs = microseconds(calls, () => {
    if (!verifySignature(signer.algorithm, signer.publicKey, message, signature)) {
      throw new Error("a signature does not hold");
    }
  });
  const sealUs = microseconds(calls, () => {
    sealEnvelope(buildStatement(receiptFacts), signer);
  });
  const envelope = sealEnvelope(buildStatement(receiptFacts), signer);
  const entryUs = microseconds(calls, () => {
    entryOf(envelope, signer.publicKey);
  });
  const opened = parseEnvelope(envelope);
  const receipt = { envelope: opened, statement: parseStatement(opened.payload) };
  const seed = new Uint8Array(seedBytes);
  const hashMany = nativeSha256Many();
  const discloseUs = microseconds(calls, () => {
    sealDisclosure(receipt, seed, signer, hashMany);
  });
  const disclosure = sealDisclosure(receipt, seed, signer);
  const checkUs = microseconds(calls, () => {
    checkDisclosure(disclosure, receipt, signer.publicKey, hashMany);
  });
  const perSecond = 1e6 / verifyUs;
  return [
    {
      name: "L2 signatures of receipts verified a second by one core",
      said: Math.round(perSecond).toLocaleString("en"),
      ...{ goal: `>= ${verifiedMin.toLocaleString("en")}`, held: perSecond >= verifiedMin },
    },
    {
      name: "a receipt stated, sealed and signed",
      said: `${sealUs.toFixed(0)} us`,
      ...{ goal: `< ${sealUsMax} us`, held: sealUs < sealUsMax },
    },
    { name: "its log entry made from the sealed one", said: `${entryUs.toFixed(0)} us` },
    {
      name: "the tree of its fields made and signed; checked by the coordinator",
      said: `${discloseUs.toFixed(0)} us; ${checkUs.toFixed(0)} us`,
    },
  ];
}
