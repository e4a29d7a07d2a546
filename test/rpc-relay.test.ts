/** Calls that are passed on, calls that go to whoever answers, and servers that stand in for another. */
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { QuipuError } from "../src/base/errors.js";
import { AttachService } from "../src/gen/quipu/v1/attach_pb.js";
import { HostService } from "../src/gen/quipu/v1/fleet_pb.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { client, connect } from "../src/io/rpc/client.js";
import { clientOfAny, Ring } from "../src/io/rpc/ring.js";
import { type RpcServer, serve } from "../src/io/rpc/server.js";
import { type Binding, bind, type CallContext } from "../src/io/rpc/service.js";
import { Switchboard } from "../src/io/rpc/switchboard.js";
import { failure } from "./failure.js";
import { type AttachInit, beat, first, hostHandlers, jobHandlers, loopback } from "./rpc-world.js";

const services = [AttachService, HostService, JobService];

async function start(
  test: { teardown(end: () => Promise<void>): void },
  bindings: readonly Binding[],
): Promise<RpcServer> {
  const server = await serve({ listen: loopback, services: bindings });
  test.teardown(() => server.close(0));
  return server;
}

/** What a leader is asked and how its calls end, and the answers of one called `name`. */
function leader(name: string, contexts: CallContext[] = []): readonly Binding[] {
  return [
    bind(AttachService, {
      async *attach(requests, context) {
        contexts.push(context);
        for await (const { message } of requests) {
          const sequence = message.case === "heartbeat" ? message.value.sequence : 0n;
          if (sequence === 99n) throw new QuipuError("LEASE_EXPIRED", "as was asked");
          yield { message: { case: "heartbeatAck", value: { sequence } } };
        }
      },
    }),
    bind(HostService, {
      ...hostHandlers,
      listHosts: async (_, context) => {
        contexts.push(context);
        return { hosts: [{ name }] };
      },
      async getHost(_, context) {
        contexts.push(context);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        return {};
      },
    }),
    bind(JobService, {
      ...jobHandlers,
      async *watchJob({ id }) {
        yield { job: { id, host: name } };
        await new Promise(() => undefined);
      },
    }),
  ];
}

t.test("a call is passed on whole: both ways, deadlines, leaving, errors", async (t) => {
  const contexts: CallContext[] = [];
  const far = await start(t, leader("far", contexts));
  const board = new Switchboard(services, "nobody yet");
  const near = await start(t, board.bindings);
  const channel = connect(near.address);
  t.teardown(() => channel.close());
  const hosts = client(channel, HostService);
  const early = await failure(hosts.listHosts({}));
  t.match(early, { code: "UNAVAILABLE", message: "nobody yet", next: /another coordinator/ });
  t.equal(board.silence, "nobody yet");
  board.relayTo(far.address);
  t.equal(board.silence, undefined);

  t.equal((await hosts.listHosts({}, { deadlineMs: 5_000 })).hosts[0]?.name, "far");
  const [{ deadlineMs = 0, relayed } = {}] = contexts;
  t.ok(relayed === true && deadlineMs > 3_000 && deadlineMs <= 5_000, "with what is left of it");
  t.equal((await failure(hosts.cordonHost({}))).code, "NOT_FOUND", "errors come back whole");

  const stop = new AbortController();
  const pending = failure(hosts.getHost({}, { signal: stop.signal }));
  while (contexts.length < 2) await delay(5);
  stop.abort();
  t.equal((await pending).code, "CANCELLED");
  while (contexts[1]?.signal.aborted !== true) await delay(5);
  const late = await failure(hosts.getHost({}, { deadlineMs: 60 }));
  t.equal(late.code, "DEADLINE_EXCEEDED");

  const requests = new AsyncQueue<AttachInit>(8);
  const answers = client(channel, AttachService).attach(requests)[Symbol.asyncIterator]();
  for (const sequence of [1n, 2n]) {
    requests.push(beat(sequence));
    t.match((await answers.next()).value, { message: { value: { sequence } } });
  }
  requests.push(beat(99n));
  t.match(await failure(answers.next()), { code: "LEASE_EXPIRED", message: "as was asked" });

  const streams = Array.from({ length: 300 }, () =>
    client(channel, JobService).watchJob({ id: "j" })[Symbol.asyncIterator](),
  );
  const heard = await Promise.all(streams.map((one) => one.next()));
  t.equal(heard.filter(({ value }) => value?.job?.host === "far").length, 300, "more than a lane");
  await Promise.all(streams.map((one) => one.return?.()));
});

t.test("nothing piles up between a fast side and a slow one", async (t) => {
  let said = 0;
  const far = await start(t, [
    bind(JobService, {
      ...jobHandlers,
      async *watchJob() {
        for (;;) {
          said += 1;
          yield { job: { id: "x".repeat(100_000) } };
        }
      },
    }),
  ]);
  const board = new Switchboard([JobService], "");
  board.relayTo(far.address);
  const near = await start(t, board.bindings);
  const channel = connect(near.address);
  t.teardown(() => channel.close());
  const answers = client(channel, JobService).watchJob({})[Symbol.asyncIterator]();
  await answers.next();
  for (let before = 0; before < said; await delay(100)) before = said;
  t.ok(said < 200, `${said} messages of 100 KB were made for the one that was read`);
  await answers.return?.();
});

t.test("when leadership moves relayed calls end, and callers find the next", async (t) => {
  const [one, two] = [await start(t, leader("one")), await start(t, leader("two"))];
  const board = new Switchboard(services, "");
  board.relayTo(one.address);
  const near = await start(t, board.bindings);
  const channel = connect(near.address);
  t.teardown(() => channel.close());
  const watch = () => client(channel, JobService).watchJob({ id: "j" })[Symbol.asyncIterator]();
  const watching = watch();
  t.equal((await watching.next()).value?.job?.host, "one");
  board.relayTo(one.address);
  board.relayTo(two.address);
  t.match(await failure(watching.next()), { code: "UNAVAILABLE", message: /has moved/ });
  t.equal((await watch().next()).value?.job?.host, "two");
  await two.close(0);
  const silent = await failure(client(channel, HostService).listHosts({}));
  t.match(silent, { code: "UNAVAILABLE", next: /another one follows/ });
  board.answerWith(leader("own"));
  t.equal((await client(channel, HostService).listHosts({})).hosts[0]?.name, "own");
  board.refuse("ending");
  t.equal((await failure(client(channel, HostService).listHosts({}))).message, "ending");

  // Two that take each other for the leader.
  board.relayTo(near.address);
  const round = await failure(client(channel, HostService).listHosts({}));
  t.match(round, { code: "UNAVAILABLE", message: "leadership is moving" });

  // What one that stands by can answer itself it does, whoever asks and whoever leads.
  board.refuse("between");
  const own = leader("own").filter(({ service }) => service === HostService);
  board.relayTo(near.address, own);
  t.equal((await client(channel, HostService).listHosts({})).hosts[0]?.name, "own");
  t.equal((await failure(watch().next())).message, "leadership is moving");
});

t.test("one of several addresses answers, and the call finds it", async (t) => {
  const gone = await start(t, leader("gone"));
  await gone.close(0);
  const board = new Switchboard(services, "not yet");
  const late = await start(t, board.bindings);
  const ring = new Ring([gone.address, late.address]);
  t.teardown(() => ring.close());
  const hosts = clientOfAny(ring, HostService);
  const asked = hosts.listHosts({});
  const watched = first(clientOfAny(ring, JobService).watchJob({ id: "j" }));
  await delay(300);
  board.answerWith(leader("late"));
  t.equal((await asked).hosts[0]?.name, "late");
  t.equal((await watched)?.job?.host, "late");
  t.equal((await failure(hosts.cordonHost({}))).code, "NOT_FOUND", "an answer is an answer");
  board.refuse("not any more");
  const none = await failure(hosts.listHosts({}, { deadlineMs: 400 }));
  t.match(none.code, /UNAVAILABLE|DEADLINE_EXCEEDED/);
  const alone = new Ring([late.address]);
  t.teardown(() => alone.close());
  t.match(await failure(clientOfAny(alone, HostService).listHosts({})), { message: /any more/ });
});
