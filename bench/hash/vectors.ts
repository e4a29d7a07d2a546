/** Published digests that ours must give before anything is timed. */
import { hash, hashMany, MerkleTree } from "../../src/compute/native/hashing.js";
import { hexOf } from "../harness.js";

/** From BLAKE3's official vectors: byte i of an input is i mod 251. */
const blake3: readonly (readonly [sizeBytes: number, digest: string])[] = [
  [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
  [1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"],
  [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  [1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"],
  [31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"],
  [102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"],
];

/** From FIPS 180-2. */
const sha256: readonly (readonly [text: string, digest: string])[] = [
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
];

/** The leaves that Certificate Transparency's test suites share, and their root. */
const leaves: readonly string[] = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

export function checkVectors(): void {
  for (const [sizeBytes, digest] of blake3) {
    const data = Uint8Array.from({ length: sizeBytes }, (_, i) => i % 251);
    expect(`BLAKE3 of ${sizeBytes} bytes`, hash(data), digest);
    expect(`BLAKE3 of ${sizeBytes} bytes in a batch`, hashMany([data]), digest);
  }
  const algorithm = "sha256" as const;
  for (const [text, digest] of sha256) {
    const data = Buffer.from(text);
    expect(`SHA-256 of ${text}`, hash(data, { algorithm }), digest);
    expect(`SHA-256 of ${text} in a batch`, hashMany([data], { algorithm }), digest);
  }
  const tree = new MerkleTree().append(leaves.map((leaf) => Buffer.from(leaf, "hex")));
  expect("the tree of RFC 6962", tree.root(), root);
}

function expect(what: string, digest: Uint8Array, want: string): void {
  if (hexOf(digest) === want) return;
  throw new Error(`${what} is ${hexOf(digest)}, not the published ${want}`);
}
