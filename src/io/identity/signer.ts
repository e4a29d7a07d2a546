/**
 * Private keys of this machine: PKCS#8 in PEM, one file a key, readable by its owner alone. The key
 * never leaves this file's functions; others get a `Signer`.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from "node:crypto";
import { link, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { SignatureAlgorithm, Signer } from "../../base/signature.js";

const keyBytesMax = 16 * 1024;

/** Loads `FOLDER/NAME.key.pem`, or makes it on first use. Two processes at once get one key. */
export async function loadOrCreateSigner(
  folder: string,
  name: string,
  algorithm: SignatureAlgorithm,
): Promise<Signer> {
  const path = join(folder, `${name}.key.pem`);
  const found = await readKey(path);
  if (found !== undefined) return signerFrom(found, algorithm, path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await createKey(folder, path, newKey(algorithm));
  const created = await readKey(path);
  if (created === undefined) throw new QuipuError("IO", `the new key ${path} has vanished`);
  return signerFrom(created, algorithm, path);
}

/** A signer whose key lives in memory only. */
export function newSigner(algorithm: SignatureAlgorithm): Signer {
  return signerFrom(newKey(algorithm), algorithm, "a new key");
}

function newKey(algorithm: SignatureAlgorithm): string {
  const { privateKey } =
    algorithm === "ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

async function createKey(folder: string, path: string, pem: string): Promise<void> {
  const draft = join(folder, `.${randomUUID()}.draft`);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(pem);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link fails when the name is taken, so the first of two processes wins and no reader ever
    // sees half a key. A crash before it leaves a draft that nobody reads.
    await link(draft, path);
    const directory = await open(folder, "r");
    try {
      await directory.sync(); // from here on the key survives power loss
    } finally {
      await directory.close();
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw QuipuError.from(thrown);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Copies a key file; one that is there must be the same. The copy is on disk when this resolves. */
export async function copyKey(name: string, from: string, to: string): Promise<void> {
  const file = `${name}.key.pem`;
  const found = await readKey(join(from, file));
  if (found === undefined) {
    throw new QuipuError("NOT_FOUND", `no key ${file} is in ${from}`, {
      next: "give the state folder of a coordinator that has run, or --shared where its keys are",
    });
  }
  await mkdir(to, { recursive: true, mode: 0o700 });
  await createKey(to, join(to, file), found);
  if ((await readKey(join(to, file))) === found) return;
  throw new QuipuError("CONFLICT", `another key ${file} is in ${to} already`, {
    next: "choose another folder; a key that is lost cannot be made again",
  });
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { mode, size } = await file.stat();
      if ((mode & 0o077) !== 0) {
        throw new QuipuError("PERMISSION_DENIED", `the key ${path} can be read by other users`, {
          next: `if nobody else had it, run: chmod 600 ${path}; else replace the key`,
        });
      }
      if (size > keyBytesMax) throw malformed(path, `it has ${size} bytes`);
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw QuipuError.from(thrown);
  }
}

function signerFrom(pem: string, algorithm: SignatureAlgorithm, path: string): Signer {
  const key = parseKey(pem, path);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const fits =
    algorithm === "ed25519" ? key.asymmetricKeyType === "ed25519" : curve === "prime256v1";
  if (!fits) throw malformed(path, `it is not a key for ${algorithm}`);
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
  const hash = algorithm === "ed25519" ? null : "sha256";
  return {
    algorithm,
    publicKey: new Uint8Array(publicKey),
    sign: (message) => new Uint8Array(sign(hash, message, key)),
  };
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: "pem" });
  } catch (cause) {
    throw malformed(path, "it is not a private key in PKCS#8 PEM", cause);
  }
}

function malformed(path: string, why: string, cause?: unknown): QuipuError {
  return new QuipuError("DATA_INVALID", `the key file ${path} is malformed: ${why}`, {
    next: "restore it from a copy; removing it makes a new identity",
    cause,
  });
}
