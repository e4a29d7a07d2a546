/**
 * Machines as network namespaces behind one switch, whose packets can be lost one way. Their addresses
 * are of 127/8, for daemons speak plain text on the loopback network only; the kernel is told that here
 * it is a network like others. Needs root.
 */
import { spawnSync } from "node:child_process";

const subnet = "127.77.0";
/** Routing rules: drops come first, then the kernel's own table of local addresses. */
const [dropPriority, localPriority] = [1, 10];

export class Network {
  readonly #prefix: string;
  readonly #machines: readonly string[];

  /** `prefix` names the namespaces; they are there, or `build` makes them. */
  constructor(prefix: string, machines: readonly string[]) {
    this.#prefix = prefix;
    this.#machines = machines;
  }

  /** Why this machine cannot have one; nothing when it can. */
  static get missing(): string | undefined {
    if (process.getuid?.() !== 0) return "only root may make network namespaces";
    const probe = `quipu-probe-${process.pid}`;
    const { status, error, stderr } = spawnSync("ip", ["netns", "add", probe], {
      encoding: "utf8",
    });
    if (status === 0) spawnSync("ip", ["netns", "del", probe]);
    return status === 0 ? undefined : `no network namespaces here: ${error?.message ?? stderr}`;
  }

  build(): void {
    const hub = this.#namespace("switch");
    ip("netns", "add", hub);
    ip("-n", hub, "link", "add", "bridge", "type", "bridge");
    ip("-n", hub, "link", "set", "bridge", "up");
    for (const machine of this.#machines) this.#join(hub, machine);
  }

  /** Ends what still runs on the machines' links, not the processes. */
  close(): void {
    for (const name of ["switch", ...this.#machines]) {
      spawnSync("ip", ["netns", "del", this.#namespace(name)]);
    }
  }

  address(machine: string): string {
    return `${subnet}.${this.#machines.indexOf(machine) + 1}`;
  }

  /** Words before a command that is to run on this machine. */
  on(machine: string): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(machine)];
  }

  /** What `from` says does not reach `to`; the other way it does. */
  drop(from: string, to: string): void {
    const source = ["from", this.address(from), "iif", "eth0", "blackhole"];
    ip("-n", this.#namespace(to), "rule", "add", ...source, "pref", `${dropPriority}`);
  }

  heal(from: string, to: string): void {
    const source = ["from", this.address(from), "iif", "eth0", "blackhole"];
    ip("-n", this.#namespace(to), "rule", "del", ...source, "pref", `${dropPriority}`);
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #join(hub: string, machine: string): void {
    const own = this.#namespace(machine);
    ip("netns", "add", own);
    const peer = ["peer", "name", "eth0", "netns", own];
    ip("-n", hub, "link", "add", machine, "type", "veth", ...peer);
    ip("-n", hub, "link", "set", machine, "master", "bridge", "up");
    const settings = ["conf.all.route_localnet=1", "conf.eth0.route_localnet=1"];
    for (const setting of [...settings, "ip_early_demux=0"]) {
      const [name = "", value = ""] = setting.split("=");
      const path = `/proc/sys/net/ipv4/${name.replaceAll(".", "/")}`;
      ip("netns", "exec", own, "sh", "-c", `echo ${value} > ${path}`);
    }
    ip("-n", own, "link", "set", "lo", "up");
    // The rest of 127/8 leaves by the link.
    ip("-n", own, "addr", "del", "127.0.0.1/8", "dev", "lo");
    ip("-n", own, "addr", "add", "127.0.0.1/32", "dev", "lo");
    ip("-n", own, "addr", "add", `${this.address(machine)}/24`, "dev", "eth0");
    ip("-n", own, "link", "set", "eth0", "up");
    ip("-n", own, "rule", "add", "from", "all", "lookup", "local", "pref", `${localPriority}`);
    ip("-n", own, "rule", "del", "pref", "0");
  }
}

function ip(...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${error?.message ?? stderr}`);
}
