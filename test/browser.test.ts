/** The page that checks receipts as it is served, and in a real browser: it asks nobody, and takes nothing for markup. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { pageRoutes } from "../src/io/http/page-routes.js";
import { startHttp } from "../src/io/http/server.js";
import type { RunFacts } from "../src/model/run.js";
import { Chromium, findChromium } from "./chromium.js";
import { goldenFolder } from "./golden-receipt.js";
import {
  bytes,
  type Folder,
  filesOf,
  folderOf,
  golden,
  html,
  verifyFiles,
} from "./receipt-page.js";
import { makeReceipt, receiptFacts } from "./receipt-vectors.js";

t.test("it is served to whoever asks, and must not be framed", async (t) => {
  const routes = [await pageRoutes("web/verify.html")];
  const server = await startHttp({ listen: "127.0.0.1:0", routes });
  t.teardown(() => server.close());
  const answer = await fetch(`${server.url}/verify`);
  t.equal(await answer.text(), html);
  t.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
  t.equal(answer.headers.get("content-security-policy"), "frame-ancestors 'none'");
  await t.rejects(pageRoutes("web/nothing.html"), { code: "NOT_FOUND" });
});

const disclosureFolder = "test/vectors/disclosure";
const chromium = findChromium();
const skip = chromium === undefined ? "chromium is not here" : false;

/** A receipt whose names would be markup, or would turn a line round, and what the page may not take for a bundle. */
async function hostileFolder(): Promise<Folder> {
  const name = "\u202e<b>x";
  const rest = { blake3: "b1".repeat(32), sizeBytes: 0, mediaType: "<i>" };
  const outputs = [{ name, digest: digestOf(bytes("")), ...rest }];
  const facts = { ...receiptFacts, result: { ...receiptFacts.result, outputs } } as RunFacts;
  const { files } = await makeReceipt(facts);
  return {
    ...folderOf(files),
    [name]: "",
    "<img src=x onerror=document.title=1>.sigstore.json": "{",
  };
}

t.test("in a real browser it does the same, and nothing else", { skip }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const hostile = await hostileFolder();
  for (const [name, content] of Object.entries(hostile)) writeFileSync(join(work, name), content);
  const server = await startHttp({
    listen: "127.0.0.1:0",
    routes: [await pageRoutes("web/verify.html")],
  });
  t.teardown(() => server.close());
  const browser = await Chromium.start(chromium ?? "");
  t.teardown(() => browser.close());
  const shown = async (give: () => Promise<void>): Promise<string> => {
    await browser.evaluate("document.getElementById('results').replaceChildren()");
    await give();
    return (await browser.evaluate(`new Promise((give) => {
      const look = () => document.querySelector("article") ? give(document.body.innerText) : setTimeout(look, 10);
      look();
    })`)) as string;
  };
  const goldenFiles = Object.keys(golden).map((name) => resolve(goldenFolder, name));
  const pages = [pathToFileURL(resolve("web/verify.html")).href, `${server.url}/verify`];
  for (const page of pages) {
    await browser.open(page);
    const text = await shown(() => browser.chooseFiles("#files", goldenFiles));
    t.match(text, /1 of 1 receipts verified[\s\S]*All 7 checks hold[\s\S]*Singapore \(SG\)/, page);
    const report = await browser.evaluate("verifyFiles(document.getElementById('files').files)");
    t.same(report, await verifyFiles(filesOf(golden)), "its report is that of the script alone");
  }
  const part = readdirSync(disclosureFolder)
    .filter((name) => !/^digits\.sigstore|^tree/.test(name))
    .map((name) => resolve(disclosureFolder, name));
  t.match(
    await shown(() => browser.chooseFiles("#files", part)),
    /All 8 checks hold[\s\S]*place country\s*SG[\s\S]*nothing else of the receipt is shown/,
  );
  const text = await shown(() => browser.dropFiles([work]));
  t.match(text, /1 of 2 receipts verified/, "of a folder that was dropped");
  t.ok(text.includes("\\u{202e}<b>x, 0 bytes, <i>: this very file is here"));
  t.ok(text.includes("<img src=x onerror=document.title=1>.sigstore.json"));
  t.match(text, /Not verified. The first thing wrong is bundle: the bundle is not JSON/);
  const made =
    "[...new Set(Array.from(document.querySelectorAll('article *'), (one) => one.localName))]";
  const own = "b code dd details div dl dt h2 h3 i li ol p pre section span strong summary";
  t.same(
    ((await browser.evaluate(made)) as string[]).sort(),
    own.split(" "),
    "no markup of theirs",
  );
  t.equal(await browser.evaluate("document.title"), "Check a Quipu receipt");

  const told = (pattern: RegExp) => browser.events.filter(({ method }) => pattern.test(method));
  t.same(told(/exceptionThrown|consoleAPI|Log\.entry/), [], "no error and no word in the console");
  const asked = told(/^Network\.requestWillBeSent$/) as { params: { request: { url: string } } }[];
  t.same(
    asked.map(({ params }) => params.request.url),
    pages,
    "it asked for itself only",
  );
  for (const code of ["fetch('/verify')", "import('/verify')"]) {
    const outcome = await browser.evaluate(`${code}.then(() => "done", () => "refused")`);
    t.equal(outcome, "refused", `nor could it do otherwise: ${code}`);
  }
  const script = "Object.assign(document.createElement('script'), { text: 'document.title = 1' })";
  await browser.evaluate(`document.body.append(${script})`);
  t.equal(await browser.evaluate("document.title"), "Check a Quipu receipt", "nor run a script");
});
