/** `quipu policy`: sets that are checked, tried on cases, handed over, and what they leave behind. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { newSigner } from "../src/io/identity/signer.js";
import { pemOf } from "../src/proof/receipt/bundle.js";
import { runIn } from "./cli-run.js";
import { failure } from "./failure.js";
import { openDaemon } from "./local-daemon.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const own = join(process.cwd(), "deploy", "policy");

function lay(name: string, files: Record<string, string>): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

const openWith = (policyFolder = "") => openDaemon(join(root, "state"), { policyFolder });

async function policy(...argv: string[]) {
  const { code, stdout, stderr } = await runIn(root, ["policy", ...argv]);
  return { code, stdout, stderr };
}

async function json(...argv: string[]) {
  const { code, stdout } = await policy(...argv, "-o", "json");
  return { code, ...JSON.parse(stdout) };
}

const rule = (id: string, body: string) => `@id("${id}") @says("Says ${id}.")\n${body};\n`;
const nothing = rule("x.nothing", 'forbid (principal, action == Action::"export", resource)');

t.test("check: a digest, or every fault with its place", async (t) => {
  const whole = await json("check", own);
  t.match(whole, { code: 0, files: ["base.cedar", "terms.cedar"], digest: /^sha256:/ });
  t.ok(whole.rules.includes("residency.personal") && whole.rules.includes("terms.grant"));
  const parts = [join(own, "terms.cedar"), join(own, "base.cedar")];
  t.equal((await json("check", ...parts)).digest, whole.digest, "the order of paths is no matter");
  const broken = lay("broken", {
    "a.cedar": rule("A", "permit (principal, action, resource)"),
    "b.cedar": rule("b.b", "permit (principal, action, resource) when { resource.contry }"),
  });
  const told = await policy("check", broken);
  t.equal(told.code, 1);
  t.match(told.stderr, /INVALID_ARGUMENT {2}a\.cedar:1: each rule needs an @id/);
  t.match(told.stderr, /\nb\.cedar:2: .*contry/);
  t.match(await json("check", broken), { error: { details: { faults: [/^a/, /^b/] } } });
  t.match(await policy("check", join(root, "none")), { code: 1, stderr: /NOT_FOUND/ });
  t.match(await policy("check", lay("empty", {})), { code: 1, stderr: /no policy file is in/ });
  const twice = lay("twice", { "base.cedar": nothing });
  t.match(await policy("check", own, twice), { code: 1, stderr: /two files .* base\.cedar/ });
});

t.test("test: cases that pass, cases that fail, files that are none", async (t) => {
  const sg = join(own, "packs", "sg.cases.yaml");
  const set = ["--policy", own, "--policy", join(own, "packs", "sg.cedar")];
  const passed = await json("test", sg, ...set);
  t.match(passed, { code: 0, failed: 0 });
  t.ok(passed.passed > 20, "every case of the pack");
  const bare = await policy("test", sg, "--policy", own);
  t.equal(bare.code, 6, "without the pack its cases fail");
  t.match(bare.stdout, /FAILED {2}.*leaves with nothing: expected sg\.transfer, found allowed/);
  t.match(bare.stdout, /\n\d+ of \d+ cases passed/);
  const one = {
    name: "one",
    at: "2026-01-01T00:00:00Z",
    runOn: { country: "SG", site: "private" },
  };
  const cases = (...all: object[]) => {
    const file = join(root, "cases.json");
    writeFileSync(file, JSON.stringify({ cases: all }, null, 1));
    return policy("test", file, "--policy", own);
  };
  t.match(await cases({ ...one, expect: "allowed" }), { code: 0 });
  t.match(await cases({ ...one, expect: "refused" }), {
    code: 6,
    stdout: /permitted by base\.run/,
  });
  const lent = { data: { class: "public", terms: { grants: [] } }, job: { owner: "lab" } };
  t.match(await cases({ ...one, ...lent, expect: "refused" }), { code: 0 });
  const wrong: [object, RegExp][] = [
    [{ ...one, expect: "allowed", export: { to: "SG" } }, /asks either runOn or export/],
    [{ ...one, expect: "allowed", runOn: { country: "sg" } }, /cases\.0\.runOn\.country/],
    [{ ...one, expect: "allowed", dat: {} }, /cases\.json:3:3: .*dat/],
    [one, /cases\.0\.expect/],
  ];
  for (const [given, message] of wrong) {
    t.match(await cases(given), { code: 1, stderr: message }, `${message}`);
  }
});

t.test("log acts: what was done, each act proved, a page at a time", async (t) => {
  const folder = lay("other", { "base.cedar": readFileSync(join(own, "base.cedar"), "utf8") });
  let daemon = await openWith(own);
  await daemon.close();
  daemon = await openWith(folder);
  await daemon.close();
  daemon = await openWith(folder);
  t.teardown(async () => {
    await daemon.close();
    rmSync(join(root, "state"), { recursive: true });
  });
  const quipu = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runIn(root, [
      ...argv,
      ...["--coordinator", daemon.grpcAddress, "-o", "json"],
    ]);
    return { code, json: JSON.parse(stdout), stderr };
  };
  for (const owner of ["lab", "clinic"]) {
    t.equal((await quipu("quota", "set", owner, "--cpu", "1")).code, 0);
  }
  const acts = (...flags: string[]) => quipu("log", "acts", ...flags);
  let all = await acts();
  for (let tries = 0; tries < 50 && all.json.acts.length < 4; tries += 1) {
    await delay(100);
    all = await acts();
  }
  const [before, digest] = (await Promise.all([own, folder].map((one) => json("check", one)))).map(
    (set) => set.digest,
  );
  t.match(all.json, {
    size: 4,
    acts: [
      { index: 0, kind: "policy.apply", about: "policy", digest: before },
      { index: 1, kind: "policy.apply", digest, details: { before, files: "base.cedar" } },
      { index: 2, kind: "quota.set", about: "owner lab", details: { owner: "lab" } },
      { index: 3, about: "owner clinic" },
    ],
    altered: [],
    next: null,
  });
  t.match(all.json.acts[0].details.before, undefined, "nothing was in force before the first");
  const indexes = async (...flags: string[]) =>
    (await acts(...flags)).json.acts.map(({ index }: { index: number }) => index);
  t.same(await indexes("--kind", "quota.set"), [2, 3]);
  t.same(await indexes("--about", "clinic"), [3]);
  t.same(await indexes("--about", "owner lab", "--kind", "quota.set"), [2]);
  t.same(await indexes("--since", all.json.acts[3].at), [3]);
  t.match(await acts("--limit", "3"), { json: { acts: { length: 3 }, next: 3 } });
  t.same(await indexes("--from", "3"), [3]);
  t.match(await acts("--kind", "quota"), { code: 2, json: { error: { next: /quota\.set/ } } });

  const pem = join(root, "stranger.notice.pem");
  writeFileSync(pem, pemOf(newSigner("ecdsa-p256-sha256").publicKey));
  const strange = await acts("--notice-key", pem);
  t.equal(strange.code, 6);
  t.match(strange.json, { acts: [], altered: [{ index: 0, fault: /none of a coordinator's/ }] });
  const { noticeKey, verifierKey } = (await quipu("log", "head")).json;
  writeFileSync(pem, noticeKey);
  const pinned = await acts("--notice-key", pem, "--log-key", verifierKey);
  t.match(pinned, { code: 0, json: all.json });
  t.notMatch(pinned.stderr, /pin/);
});

t.test("apply: a set comes into force at once, stays, and a bad one changes nothing", async (t) => {
  let daemon = await openWith();
  const at = () => ["--coordinator", daemon.grpcAddress];
  const before = await json("ls", ...at());
  t.match(before, {
    code: 0,
    digest: (await json("check", own)).digest,
    settings: { stale: "refuse" },
  });
  t.match(before.rules[0], { id: "base.run", effect: "permit", law: null, stale: false, line: 5 });
  const stricter = lay("stricter", {
    "base.cedar": readFileSync(join(own, "base.cedar"), "utf8"),
    "x.cedar": nothing,
  });
  const applied = await json("apply", stricter, ...at());
  t.match(applied, { code: 0, digest: (await json("check", stricter)).digest });
  t.equal(applied.digestBefore, before.digest);
  const again = await policy("apply", stricter, ...at());
  t.match(again, { code: 0, stdout: /was in force already/ });
  t.match(await policy("explain", "x.nothing", ...at()), {
    code: 0,
    stdout: /^x\.nothing {2}forbid {2}x\.cedar:1\nSays x\.nothing\.\n\n@id\("x\.nothing"\)/,
  });
  t.match(await policy("explain", "x.none", ...at()), { code: 1, stderr: /no rule of the set/ });
  t.match(await policy("apply", lay("bad", { "a.cedar": "permit" }), ...at()), { code: 1 });
  const page = await policy("ls", ...at());
  t.match(page.stdout, `${applied.digest}, `);
  t.match(page.stdout, /x\.nothing {2,}forbid {2,}- {2,}Says x\.nothing\./);
  await daemon.close();

  daemon = await openWith();
  t.equal((await json("ls", ...at())).digest, applied.digest, "the next process goes on with it");
  await daemon.close();
  t.match(await failure(openWith(own)), {
    code: "CONFLICT",
    next: /quipu policy apply/,
    details: { applied: applied.digest, folder: before.digest },
  });
  daemon = await openWith(stricter);
  t.equal(
    (await json("ls", ...at())).digest,
    applied.digest,
    "a folder that says the same is none",
  );
  await daemon.close();
});
