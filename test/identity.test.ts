/** Keys of a machine and the grants they sign. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { toHex } from "../src/base/bytes.js";
import { verifySignature } from "../src/base/signature.js";
import { signGrant, verifyGrant } from "../src/io/identity/grant.js";
import { loadOrCreateSigner, newSigner } from "../src/io/identity/signer.js";

const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

t.test("keys are made once, for their owner alone", async (t) => {
  const state = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(state, { recursive: true, force: true }));
  const keys = join(state, "deep", "keys");
  const made = await Promise.all(
    Array.from({ length: 8 }, () => loadOrCreateSigner(keys, "receipt", "ecdsa-p256-sha256")),
  );
  t.equal(new Set(made.map(({ publicKey }) => toHex(publicKey))).size, 1, "eight at once, one key");
  const path = join(keys, "receipt.key.pem");
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readdirSync(keys), ["receipt.key.pem"], "no drafts left");
  const [signer] = made;
  if (signer === undefined) throw new Error("no signer");
  const again = await loadOrCreateSigner(keys, "receipt", "ecdsa-p256-sha256");
  const signature = again.sign(bytes("message"));
  t.ok(verifySignature("ecdsa-p256-sha256", signer.publicKey, bytes("message"), signature));
  t.notOk(verifySignature("ecdsa-p256-sha256", signer.publicKey, bytes("other"), signature));
  await t.rejects(loadOrCreateSigner(keys, "receipt", "ed25519"), { code: "DATA_INVALID" });
  chmodSync(path, 0o644);
  await t.rejects(loadOrCreateSigner(keys, "receipt", "ecdsa-p256-sha256"), {
    code: "PERMISSION_DENIED",
  });
  writeFileSync(join(keys, "log.key.pem"), "not a key", { mode: 0o600 });
  await t.rejects(loadOrCreateSigner(keys, "log", "ed25519"), { code: "DATA_INVALID" });
  t.ok(existsSync(join(keys, "log.key.pem")), "a malformed key is left for a person to look at");
});

t.test("grants", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  const digest = `sha256:${"ab".repeat(32)}` as const;
  const grant = {
    digest,
    action: "get",
    country: "SG",
    host: "sg-1",
    expiresAtMs: 2_000_000,
  } as const;
  const token = signGrant(signer, grant);
  t.same(await verifyGrant(signer.publicKey, token, 1_999_000), grant);
  const put = { ...grant, action: "put", country: "", jobId: "job-1", sizeBytes: 7 } as const;
  t.same(await verifyGrant(signer.publicKey, signGrant(signer, put), 0), put);
  for (let i = 0; i < 50; i += 1) await verifyGrant(signer.publicKey, signGrant(signer, grant), i); // short r and s
  const refused = async (what: string, bad: string, nowMs = 0): Promise<void> => {
    await t.rejects(verifyGrant(signer.publicKey, bad, nowMs), { code: "PERMISSION_DENIED" }, what);
  };
  const [head = "", body = "", mark = ""] = token.split(".");
  const claims = (change: object): string => {
    const payload = { ...JSON.parse(Buffer.from(body, "base64url").toString()), ...change };
    const signed = signGrant(signer, {
      ...payload,
      expiresAtMs: payload.exp * 1000,
      exp: undefined,
    });
    return signed;
  };
  await refused("expired", token, 2_000_000);
  await refused("changed", `${head}.${Buffer.from("{}").toString("base64url")}.${mark}`);
  await refused("unsigned", `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`);
  await refused("another key's", signGrant(newSigner("ecdsa-p256-sha256"), grant));
  await refused("an unknown claim", claims({ more: 1 }));
  await refused("another action", claims({ action: "delete" }));
  await refused("a malformed digest", claims({ digest: "sha256:x" }));
  await refused("a negative size", claims({ sizeBytes: -1 }));
  await refused("empty", "");
  await refused("long", "x".repeat(5000));
  t.throws(() => signGrant(newSigner("ed25519"), grant), { code: "INVALID_ARGUMENT" });
});
