/** What came of what, over artifacts that one run made and another read; as DOT and as OpenLineage. */
import { rmSync } from "node:fs";
import fc from "fast-check";
import t, { type Test } from "tap";
import { dotOf } from "../src/proof/lineage/dot.js";
import { Graph, type Subject } from "../src/proof/lineage/graph.js";
import { runUuid } from "../src/proof/lineage/open-lineage.js";
import type { RunLine } from "../src/proof/lineage/run-line.js";
import { runIn } from "./cli-run.js";
import { artifact, foldersOf, offline, worldOf } from "./lineage-world.js";

/** The first made a model of open data, the second used it on people's, the third its answers. */
const world = await worldOf([
  { dataSet: "open", makes: "model" },
  { dataSet: "people", model: "model", makes: "answers" },
  { model: "answers", outcome: "failed" },
  { dataSet: "open", outcome: "cancelled" },
]);
const folder = await foldersOf(world);
await world.store.close();
t.teardown(() => rmSync(folder, { recursive: true }));

function lineage(...argv: string[]) {
  return runIn(folder, ["lineage", ...argv, ...offline(folder)]);
}

async function entries(...argv: string[]): Promise<number[]> {
  const { stdout } = await lineage(...argv, "--json");
  return JSON.parse(stdout).runs.map(({ index }: RunLine) => index);
}

t.test("up to what something came from, down to what came of it", async (t) => {
  t.same(await entries("dataset", "open"), [0, 1, 2, 3]);
  t.same(await entries("dataset", "people", "--down"), [1, 2]);
  t.same(await entries(artifact("model"), "--up"), [0]);
  t.same(await entries(artifact("model"), "--down"), [1, 2]);
  t.same(await entries(artifact("answers")), [0, 1, 2]);
  const { stdout } = await lineage(artifact("answers"), "--up", "--json");
  const [first, second] = JSON.parse(stdout).runs;
  t.same(await entries(second.jobId, "--up"), [0, 1]);
  t.same(await entries(first.jobId, "--down"), [0, 1, 2]);
  t.match(second.inputs, [{ dataSet: "people" }, { digest: artifact("model") }]);
  const page = await lineage("dataset", "people");
  t.match(
    page.stdout,
    /people [0-9a-f]{12} .*\n.*\n\nquipu\.example\/test: 2 runs among 6 of 6 entries/,
  );
  t.match(await lineage(artifact("nothing")), { code: 1, stderr: /no run .* among 6 of 6/ });
  t.match(await lineage("dataset", "people", "--up"), { code: 1 });
  for (const odd of [["people"], ["dataset"], [artifact("model"), "x"], ["sha256:1"]]) {
    t.match(await lineage(...odd), { code: 2, stderr: /no digest, job or data set/ });
  }
});

t.test("the graph holds what can be reached, and nothing else", (t) => {
  const digest = fc.constantFrom(..."abcdefg").map(artifact);
  const dataSets = fc.subarray(["open", "people"]);
  const ties = fc.record({
    reads: fc.uniqueArray(digest, { maxLength: 2 }),
    makes: fc.uniqueArray(digest, { maxLength: 2 }),
    dataSets,
  });
  const direction = fc.constantFrom("up" as const, "down" as const);
  fc.assert(
    fc.property(fc.array(ties, { maxLength: 8 }), digest, direction, (all, start, way) => {
      const graph = new Graph();
      for (const [index, one] of all.entries()) graph.add(lineOf(index, one));
      const [into, out] =
        way === "up" ? (["makes", "reads"] as const) : (["reads", "makes"] as const);
      // Digests grow until nothing is added; then the runs that touch them on the near side.
      const reached = new Set([start]);
      for (let before = 0; before < reached.size; ) {
        before = reached.size;
        for (const run of all) {
          if (run[into].some((one) => reached.has(one)))
            for (const one of run[out]) reached.add(one);
        }
      }
      const want = [...all.keys()].filter((at) => all[at]?.[into].some((one) => reached.has(one)));
      const subject: Subject = { kind: "digest", digest: start };
      const got = graph.trace(subject, { up: way === "up", down: way === "down" });
      return got.map(({ index }) => index).join() === want.join();
    }),
  );
  const manifest = artifact("manifest");
  const listed = lineOf(0, { reads: [], makes: [manifest], dataSets: ["open"] });
  const graph = new Graph();
  graph.add(listed);
  graph.add({ ...lineOf(1, { reads: [], makes: [], dataSets: [] }), inputs: listed.inputs });
  const down = graph.trace({ kind: "job", jobId: "job-0" }, { up: false, down: true });
  t.same(down, [listed], "who lists a data set has not made it");
  t.end();
});

function lineOf(
  index: number,
  { reads, makes, dataSets }: { reads: string[]; makes: string[]; dataSets: string[] },
): RunLine {
  const manifest = artifact("manifest");
  return {
    ...{
      index,
      runId: `run-${index}`,
      jobId: `job-${index}`,
      jobName: 'a "name" \\ of\n\u202ework',
    },
    ...{ host: "sg-1", country: "SG", site: "private", grade: "claimed", keyId: "0".repeat(64) },
    ...{ startedOn: "2026-01-02T03:04:05.000Z", finishedOn: "2026-01-02T03:04:06.000Z" },
    outcome: "succeeded",
    inputs: [
      ...dataSets.map((dataSet) => ({ dataSet, digest: manifest })),
      ...(reads as RunLine["outputs"][number]["digest"][]).map((digest) => ({ digest })),
    ],
    outputs: (makes as RunLine["outputs"][number]["digest"][]).map((digest) => ({
      name: "x",
      digest,
    })),
  };
}

t.test("a graph in the DOT language, whatever names are in it", async (t) => {
  const { code, stdout } = await lineage("dataset", "people", "-o", "dot");
  t.equal(code, 0);
  t.match(stdout, /^digraph lineage \{\n/);
  t.match(stdout, /"people sha256:a+" -> "run-[0-9a-z]+";/);
  t.match(stdout, new RegExp(`"${artifact("model")}" -> "run-[0-9a-z]+";`));
  t.match(stdout, new RegExp(`"run-[0-9a-z]+" -> "${artifact("answers")}";`));
  const odd = dotOf([lineOf(0, { reads: [], makes: [artifact("a")], dataSets: ["open"] })]);
  t.match(odd, 'label="a \\"name\\" \\\\ of  work\\nrun-0\\nsg-1, SG\\nsucceeded"');
  for (const line of odd.split("\n").slice(1, -1)) {
    t.match(
      line,
      /^ {2}(rankdir=LR|"([^"\\]|\\.)*"( -> "([^"\\]|\\.)*"| \[shape=\w+, label="([^"\\]|\\.)*"\]));$/,
    );
  }
});

t.test("two OpenLineage events a run, as their schema asks", async (t) => {
  const { code, stdout } = await lineage("dataset", "open", "-o", "openlineage");
  t.equal(code, 0);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.same(
    events.map(({ eventType }) => eventType),
    ["START", "COMPLETE", "START", "COMPLETE", "START", "FAIL", "START", "ABORT"],
  );
  for (const event of events) checkEvent(t, event);
  const [start, complete, , used] = events;
  t.equal(start.run.runId, complete.run.runId);
  t.equal(new Set(events.map(({ run }) => run.runId)).size, 4);
  t.match(start, { job: { name: "count" }, inputs: [{ name: "open" }] });
  t.same(start.outputs, [], "nothing is made yet");
  t.match(complete.outputs, used.inputs.slice(1), "what one made the other read, by one name");
  t.equal(runUuid("run-0"), "81dee233-66b8-8b46-b81c-e10532d09a06", "frozen");
  t.match(await lineage("dataset", "open", "-o", "csv"), { code: 2, stderr: /print CSV/ });
  t.match(await runIn(folder, ["usage", "-o", "dot"]), { code: 2, stderr: /print dot/ });
});

/** What OpenLineage 2-0-2 requires of a RunEvent, its datasets and their facets. */
function checkEvent(t: Test, event: Record<string, unknown>): void {
  const uri = /^[a-z]+:\/\/[^\s]+$/;
  const { eventType, eventTime, run, job, inputs, outputs, producer, schemaURL, ...more } = event;
  t.same(more, {}, "no other field");
  t.match(eventType, /^(START|RUNNING|COMPLETE|ABORT|FAIL|OTHER)$/);
  t.equal(new Date(String(eventTime)).toISOString(), eventTime, "an RFC 3339 time");
  t.match(producer, uri);
  t.equal(schemaURL, "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
  const { runId, facets } = run as { runId: string; facets: object };
  t.match(runId, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  checkFacets(t, facets);
  t.match(job, { namespace: uri, name: /./ });
  for (const one of [...(inputs as object[]), ...(outputs as object[])]) {
    t.match(one, { namespace: uri, name: /./ });
    checkFacets(t, (one as { facets?: object }).facets ?? {});
  }
}

function checkFacets(t: Test, facets: object): void {
  for (const facet of Object.values(facets)) {
    t.match(facet, { _producer: /^https:/, _schemaURL: /^https:/ });
  }
}
