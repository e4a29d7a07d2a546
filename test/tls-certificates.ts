/** An authority and a certificate of it for 127.0.0.1, made by openssl; for tests of TLS only. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsCredentials } from "../src/io/rpc/credentials.js";

/** Undefined where openssl is missing or too old for this. */
export function makeCertificates(folder: string, name: string): TlsCredentials | undefined {
  const file = (suffix: string): string => join(folder, `${name}-${suffix}`);
  const key = "ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" ");
  const run = (...words: string[]): boolean => {
    return spawnSync("openssl", words, { stdio: "ignore" }).status === 0;
  };
  const made =
    run(
      ...["req", "-x509", "-newkey", ...key, "-subj", `/CN=${name} authority`],
      ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
    ) &&
    run(
      ...["req", "-x509", "-newkey", ...key, "-subj", `/CN=${name}`],
      ...["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"],
      ...["-CA", file("ca.pem"), "-CAkey", file("ca.key")],
      ...["-keyout", file("key.pem"), "-out", file("cert.pem")],
    );
  if (!made) return undefined;
  return {
    authorities: readFileSync(file("ca.pem")),
    certificateChain: readFileSync(file("cert.pem")),
    privateKey: readFileSync(file("key.pem")),
  };
}
