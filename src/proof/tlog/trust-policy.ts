/**
 * Whose word is enough for a checkpoint, as a file (C2SP tlog-policy): logs, witnesses, and the quorum of
 * witnesses that must have cosigned it.
 */
import { QuipuError } from "../../base/errors.js";
import { parseVerifierKey, type VerifierKey } from "./verifier-key.js";

export interface PolicyKey {
  readonly key: VerifierKey;
  readonly url?: string;
}

/** A witness, or a group of which `threshold` members must agree. */
type Member = PolicyKey | { readonly threshold: number; readonly members: readonly Member[] };

export interface TrustPolicy {
  readonly logs: readonly PolicyKey[];
  readonly witnesses: readonly PolicyKey[];
  /** Undefined: nobody's. */
  readonly quorum: Member | undefined;
}

export const policyBytesMax = 256 * 1024;
/** Of each: logs, witnesses, groups. */
const linesMax = 256;

/** INVALID_ARGUMENT names the line that is wrong. */
export function parseTrustPolicy(text: string): TrustPolicy {
  const reader = new PolicyReader();
  if (text.length > policyBytesMax) throw wrong(1, `it is longer than ${policyBytesMax} bytes`);
  for (const [index, line] of text.split("\n").entries()) {
    if ([...line].some(isControl)) throw wrong(index + 1, "a control character");
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    if (words[0] === undefined || words[0].startsWith("#")) continue;
    try {
      reader.read(words);
    } catch (thrown) {
      throw wrong(index + 1, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  return reader.policy();
}

/** Of a line: a tab is the only one that it may have. */
function isControl(char: string): boolean {
  return (char < " " && char !== "\t") || char === "\u007f";
}

/** Whether those who signed a checkpoint are enough of the policy's witnesses. */
export function meetsQuorum({ quorum }: TrustPolicy, signers: readonly VerifierKey[]): boolean {
  return quorum === undefined || agrees(quorum, signers);
}

function agrees(member: Member, signers: readonly VerifierKey[]): boolean {
  if ("key" in member) return signers.includes(member.key);
  return member.members.filter((one) => agrees(one, signers)).length >= member.threshold;
}

class PolicyReader {
  readonly #logs: PolicyKey[] = [];
  readonly #witnesses: PolicyKey[] = [];
  readonly #named = new Map<string, Member>();
  readonly #grouped = new Set<string>();
  #quorum: { readonly of: Member | undefined } | undefined;

  read([word = "", ...rest]: readonly string[]): void {
    if (word === "log") this.#log(rest);
    else if (word === "witness") this.#witness(rest);
    else if (word === "group") this.#group(rest);
    else if (word === "quorum") this.#setQuorum(rest);
    else throw new Error(`"${word.slice(0, 40)}" is not log, witness, group or quorum`);
  }

  policy(): TrustPolicy {
    if (this.#quorum === undefined) throw wrong(0, "it has no line with the quorum");
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum.of };
  }

  #log([text = "", url, ...rest]: readonly string[]): void {
    if (rest.length > 0) throw new Error("a log has a key and a URL, and nothing more");
    this.#logs.push(this.#added(this.#logs, { key: parseVerifierKey(text, "log"), url }));
  }

  #witness([name = "", text = "", url, ...rest]: readonly string[]): void {
    if (rest.length > 0) throw new Error("a witness has a name, a key and a URL, and nothing more");
    const witness = this.#added(this.#witnesses, { key: parseVerifierKey(text, "witness"), url });
    this.#witnesses.push(witness);
    this.#define(name, witness);
  }

  #added(known: readonly PolicyKey[], { key, url }: { key: VerifierKey; url: string | undefined }) {
    const same = (one: PolicyKey) => Buffer.compare(one.key.publicKey, key.publicKey) === 0;
    if (known.some(same)) throw new Error(`the key of ${key.name} is there already`);
    if (known.length >= linesMax) throw new Error(`more than ${linesMax} of one kind`);
    return url === undefined ? { key } : { key, url };
  }

  #group([name = "", count = "", ...names]: readonly string[]): void {
    const members = names.map((each) => {
      const member = this.#named.get(each);
      if (member === undefined) throw new Error(`nothing before this line is called ${each}`);
      if (this.#grouped.has(each)) throw new Error(`${each} is in a group already`);
      this.#grouped.add(each);
      return member;
    });
    const words: Readonly<Record<string, number>> = { all: members.length, any: 1 };
    const threshold = words[count] ?? (/^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0);
    if (threshold < 1 || threshold > members.length) {
      throw new Error(`a group says all, any, or how many of its ${members.length} members`);
    }
    this.#define(name, { threshold, members });
  }

  #define(name: string, member: Member): void {
    if (name === "" || name === "none" || this.#named.has(name)) {
      throw new Error(`"${name}" is no free name`);
    }
    if (this.#named.size >= 2 * linesMax) throw new Error(`more than ${2 * linesMax} names`);
    this.#named.set(name, member);
  }

  #setQuorum([name = "", ...rest]: readonly string[]): void {
    if (this.#quorum !== undefined) throw new Error("there is a quorum already");
    const of = this.#named.get(name);
    if (rest.length > 0 || (of === undefined && name !== "none")) {
      throw new Error("a quorum is one witness or group of a line before, or none");
    }
    this.#quorum = { of };
  }
}

function wrong(line: number, why: string): QuipuError {
  const where = line === 0 ? "" : ` at line ${line}`;
  return new QuipuError("INVALID_ARGUMENT", `the trust policy is wrong${where}: ${why}`, {
    next: "write it as C2SP tlog-policy has it: log, witness, group and quorum lines",
  });
}
