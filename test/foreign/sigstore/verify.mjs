/**
 * What Sigstore's own verifier says of bundles: `node verify.mjs FOLDER FILE…` prints a line for each file,
 * `ok` or why not. FOLDER has trusted_root.json and KEYID.pub.pem; nothing else is believed.
 */
import { createHash, createPublicKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleFromJSON } from "@sigstore/bundle";
import { PublicKeyDetails, TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const [folder, ...files] = process.argv.slice(2);
const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(join(folder, "trusted_root.json"), "utf8")));
const keys = Object.fromEntries(
  readdirSync(folder)
    .filter((name) => name.endsWith(".pub.pem"))
    .map((name) => {
      const key = createPublicKey(readFileSync(join(folder, name)));
      const rawBytes = key.export({ format: "der", type: "spki" });
      const hint = createHash("sha256").update(rawBytes).digest("hex");
      const keyDetails = PublicKeyDetails.PKIX_ECDSA_P256_SHA_256;
      return [hint, { rawBytes, keyDetails, validFor: { start: new Date(0) } }];
    }),
);
const verifier = new Verifier(toTrustMaterial(root, keys), {
  tlogThreshold: 1,
  ctlogThreshold: 0,
  timestampThreshold: 0, // the log orders receipts; it does not date them
});
for (const file of files) {
  let verdict = "ok";
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(file, "utf8")))));
  } catch (error) {
    verdict = `${error.code ?? error.name}: ${error.message}`.replaceAll("\n", " ");
  }
  console.log(verdict);
}
