/** What hosts of one country say of runs, in a fleet that looks into every one. */
import { digestOf } from "../src/base/bytes.js";
import type { Assign } from "../src/gen/quipu/v1/attach_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { AuditRecord } from "../src/io/store/records.js";
import type { AuditRules } from "../src/model/audit.js";
import type { Act } from "../src/model/notice.js";
import { parseEnvelope } from "../src/proof/receipt/envelope.js";
import { CoordinatorWorld, FakeHost, job, result } from "./coordinator-world.js";

export const always: AuditRules = { rate: 1, newHostRuns: 0, withinMs: 3_600_000 };

/** What hosts of one country say of runs, in a fleet that looks into every one. */
export class Audited {
  readonly hosts: FakeHost[] = [];

  private constructor(readonly world: CoordinatorWorld) {}

  static async open(size: number, rules = always): Promise<Audited> {
    const world = await CoordinatorWorld.open();
    world.audits = rules;
    await world.start();
    const fleet = new Audited(world);
    for (let at = 1; at <= size; at += 1) await fleet.join(`sg-${at}`);
    return fleet;
  }

  async join(name: string, country: "SG" | "DE" = "SG", parts = {}): Promise<FakeHost> {
    const host = new FakeHost(this.world, name, country, newSigner("ecdsa-p256-sha256"));
    this.hosts.push(host);
    await host.attach([], parts);
    return host;
  }

  /** Who was given this job, and answers with outputs of its own. */
  async answer(jobId: string, output: number): Promise<string> {
    const [host, assign] = this.assigned(jobId);
    await host.report(sealed(host, assign, output));
    return host.name;
  }

  assigned(jobId: string): readonly [FakeHost, Assign] {
    for (const host of this.hosts) {
      const assign = host.all("assign").find((one) => one.jobId === jobId);
      if (assign !== undefined) return [host, assign];
    }
    throw new Error(`nobody was given job ${jobId}`);
  }

  async run(output = 1, spec = job()): Promise<string> {
    const id = await this.world.one(spec);
    await this.answer(id, output);
    return id;
  }

  async auditOf(jobId: string): Promise<AuditRecord | undefined> {
    return await this.world.store.audits.ofRun((await this.world.job(jobId)).runId);
  }

  /** The next host that is asked answers so. */
  async again(jobId: string, output: number): Promise<string> {
    return await this.answer((await this.auditOf(jobId))?.againJobId ?? "", output);
  }

  async findings(jobId: string): Promise<readonly string[]> {
    const answers = await this.world.store.audits.answers((await this.auditOf(jobId))?.id ?? "");
    return answers.map(({ host, finding }) => `${host} ${finding}`);
  }

  async acts(kind: string): Promise<readonly Act["predicate"][]> {
    await this.world.advance(300);
    const notices = await this.world.store.notices.logged(0, 1_000);
    const said = notices.map(({ envelope }) => {
      return JSON.parse(Buffer.from(parseEnvelope(envelope).payload).toString()).predicate;
    });
    return said.filter((one) => one.kind === kind);
  }
}

export function sealed(host: FakeHost, assign: Assign, output: number) {
  const digest = digestOf(new Uint8Array([output]));
  const outputs = result.outputs.map((one) => ({ ...one, digest }));
  return host.seal("succeeded", assign, (facts) => ({ ...facts, result: { ...result, outputs } }));
}
