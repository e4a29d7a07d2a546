#!/usr/bin/env python3
"""A second verifier of Quipu receipts, written from docs/receipt.md alone.

    verify_receipt.py NAME.sigstore.json…

Makes checks 1 to 7 of section 8, with keys and revocations beside each bundle. Prints `ok`, or the name of the
first check that fails and why, a line a bundle, and exits with 0 or 6. Needs Python 3.9 and `cryptography`.
"""
import base64
import datetime
import hashlib
import pathlib
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from strict_json import INTEGER_MAX, Refused, canonical, demand, parse

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_BYTES_MAX, BUNDLE_BYTES_MAX, NOTE_CHARS_MAX = 1 << 20, 2359296, 65536


def unbase64(text, check):
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise Refused(check, "not base64") from error
    demand(base64.b64encode(data).decode() == text, check, "base64 is not canonical")
    return data


b64 = lambda data: base64.b64encode(data).decode()
sha256 = lambda data: hashlib.sha256(data).digest()


def demand_signed(check, key, *signed):
    try:
        key.verify(*signed)
    except InvalidSignature as error:
        raise Refused(check, "the signature is wrong") from error

# --- forms ---------------------------------------------------------------------------------------

HEX64 = r"[0-9a-f]{64}"
DIGEST = r"sha256:" + HEX64
NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"
WORD, TEXT = ".{1,64}", ".{0,2000}"
COUNT = int
DECIMAL = r"(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?"
GRADES = {"claimed", "operator-asserted", "provider-attested", "hardware-attested"}
RUN_ID, JOB_ID = r"run-[0-9a-z]{1,32}", r"job-[0-9a-z]{1,32}"
ACTS = set("data-set.add host.cordon host.uncordon key.register key.revoke policy.apply".split())
ACTS |= set("quota.remove quota.set receipt.erase audit.agreed audit.disputed".split())
ACTS |= set("audit.decided audit.undecided audit.unanswered".split())
SPACES = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"  # those of ECMAScript
BASE64, NUMBER = r"[A-Za-z0-9+/]*={0,2}", r"0|[1-9][0-9]{0,15}"


def shape(value, wanted, path="statement", check="statement"):
    """Strings are patterns, sets choices, lists hold one kind (from and up to how many),
    callables decide; `name?` may be missing."""
    if isinstance(wanted, dict):
        demand(isinstance(value, dict), check, f"{path} is no object")
        names = {name.rstrip("?"): kind for name, kind in wanted.items()}
        needed = {name for name in wanted if not name.endswith("?")}
        demand(needed <= set(value) <= set(names), check, f"{path} has other fields")
        for name, member in value.items():
            shape(member, names[name], f"{path}.{name}", check)
    elif isinstance(wanted, list):
        kind, least, most = [*wanted, 0, BUNDLE_BYTES_MAX][:3]
        fits = isinstance(value, list) and least <= len(value) <= most
        demand(fits, check, f"{path} is no list, too short or too long")
        for at, member in enumerate(value):
            shape(member, kind, f"{path}[{at}]", check)
    elif isinstance(wanted, set):
        demand(isinstance(value, str) and value in wanted, check, f"{path} is none of its values")
    elif wanted is COUNT:
        demand(type(value) is int and 0 <= value <= INTEGER_MAX, check, f"{path} is no count")
    elif isinstance(wanted, str):
        fits = isinstance(value, str) and re.fullmatch(wanted, value, re.DOTALL | re.ASCII)
        demand(fits, check, f"{path} has another form")
    else:
        wanted(value, path)

# --- the bundle ----------------------------------------------------------------------------------

PROOF = {
    "logIndex": NUMBER, "rootHash": BASE64, "treeSize": NUMBER, "hashes": [BASE64, 0, 64],
    "checkpoint": {"envelope": ".+"},
}
ENTRY = {
    "logIndex": NUMBER, "logId": {"keyId": BASE64}, "inclusionProof": PROOF, "canonicalizedBody": BASE64,
    "kindVersion": {"kind": {"hashedrekord"}, "version": {"0.0.2"}},
}
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
BUNDLE = {
    "mediaType": {BUNDLE_TYPE},
    "verificationMaterial": {"publicKey": {"hint": HEX64}, "tlogEntries": [ENTRY]},
    "dsseEnvelope": {
        "payload": BASE64, "payloadType": {PAYLOAD_TYPE}, "signatures": [{"keyid": HEX64, "sig": BASE64}],
    },
}


def bundle_of(value):
    shape(value, BUNDLE, "it", "bundle")
    material, envelope = value["verificationMaterial"], value["dsseEnvelope"]
    demand(len(material["tlogEntries"]) == len(envelope["signatures"]) == 1, "bundle", "not one entry and signature")
    entry, signature = material["tlogEntries"][0], envelope["signatures"][0]
    proof = entry["inclusionProof"]
    same = entry["logIndex"] == proof["logIndex"] and material["publicKey"]["hint"] == signature["keyid"]
    demand(same, "bundle", "fields that contradict each other")
    return {
        "payload": unbase64(envelope["payload"], "bundle"), "keyid": signature["keyid"],
        "sig": unbase64(signature["sig"], "bundle"),
        "entry": unbase64(entry["canonicalizedBody"], "bundle"),
        "log_key_id": unbase64(entry["logId"]["keyId"], "bundle"),
        "index": int(proof["logIndex"]), "size": int(proof["treeSize"]),
        "root": unbase64(proof["rootHash"], "bundle"),
        "hashes": [unbase64(text, "bundle") for text in proof["hashes"]],
        "checkpoint": proof["checkpoint"]["envelope"],
    }

# --- the statement -------------------------------------------------------------------------------
def meter(value, path):
    if not isinstance(value, str):
        return shape(value, COUNT, path)
    fits = re.fullmatch("[1-9][0-9]{15,38}", value) and int(value) > INTEGER_MAX
    demand(fits, "statement", f"{path} is no meter")


def epoch(value, path):
    shape(value - 1 if type(value) is int else value, COUNT, path)


def offset(value, path):
    shape(-value if type(value) is int and value < 0 else value, COUNT, path)


def texts(value, path):
    demand(isinstance(value, dict), "statement", f"{path} is no object")
    shape([*value], [WORD], path)
    shape([*value.values()], [TEXT], path)


def moment(value, path):
    shape(value, r"(?=.{1,64}$)\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):\d{2}:[0-5]\d(\.\d+)?Z", path)
    try:
        datetime.datetime.fromisoformat(re.sub("^0000", "2000", value[:16]))
    except ValueError as error:
        raise Refused("statement", f"{path} is in no calendar") from error


def job(value, path):
    demand(isinstance(value, dict), "statement", f"{path} is no object")
    shape(value.get("version"), ".{0,64}", path)


def dependency(value, path):
    if isinstance(value, dict) and "name" not in value:
        shape(value, {"digest": {"sha256": HEX64}, "annotations": {"kind": {"artifact"}}}, path)
    else:
        classes = {"public", "internal", "personal", "sensitive"}
        notes = {"kind": {"data-set-manifest"}, "dataClass": classes}
        shape(value, {"name": NAME, "digest": {"sha256": HEX64}, "annotations": notes}, path)


OUTPUT = {
    "name": ".{1,1024}", "digest": {"sha256": HEX64, "blake3": HEX64},
    "mediaType": ".{1,255}", "annotations": {"sizeBytes": COUNT},
}
PLACE = {
    "country": "[A-Z]{2}", "zone": ".{0,63}", "site": {"private", "public"}, "grade": GRADES,
    "gradeUntil?": moment, "operator?": ".{1,63}",
}
FAILURE = {"code": "[A-Z_]{1,64}", "message": TEXT}
DECISION = {"name": {"decision"}, "digest": {"sha256": HEX64}, "mediaType": {"application/json"}}
EXECUTION = {
    "driver": WORD, "engine": WORD, "devices": [WORD, 1, 64], "backend": WORD, "arithmetic": ".{0,64}",
    "determinism": {"bitwise", "none"},
}
RUN = {
    "buildDefinition": {
        "buildType": {"https://quipu.dev/job/v1"}, "externalParameters": {"job": job},
        "resolvedDependencies": [dependency, 0, 1024],
    },
    "runDetails": {
        "builder": {"id": r"https://quipu\.dev/agent/" + NAME, "version": {"quipud": WORD}},
        "metadata": {"invocationId": WORD, "startedOn": TIME, "finishedOn": TIME},
        "byproducts": [DECISION, 1, 1],
    },
    "run": {
        "id": RUN_ID, "epoch": epoch, "jobId": JOB_ID, "jobDigest": DIGEST,
        "outcome": {"succeeded", "failed", "cancelled"}, "failure?": FAILURE,
    },
    "host": {
        "name": NAME, "place": PLACE,
        "evidence": [{"type": WORD, "grade": GRADES, "digest": {"sha256": HEX64}}, 0, 16],
        "clock?": {"offsetMs": offset, "uncertaintyMs": COUNT},
    },
    "policyDigest": DIGEST, "priceBookDigest?": DIGEST, "isolation": {"none", "process"},
    "execution?": EXECUTION,
    "usage": dict.fromkeys(["wallMs", "deviceMs", "cpuMs", "inputBytes", "outputBytes"], meter),
    "privacy?": {"mechanism": WORD, "epsilon": DECIMAL, "delta": DECIMAL},
}
JOB_END = {
    "coordinator": ".{1,255}", "at": TIME, "job": {"id": JOB_ID, "owner": ".{1,63}", "digest": DIGEST},
    "outcome": {"cancelled", "refused", "lost"}, "failure?": FAILURE, "reason?": TEXT, "attempts": COUNT,
    "lastRun?": {"id": RUN_ID, "host": NAME, "country": "[A-Z]{2}"},
    "decision?": {"digest": {"sha256": HEX64}, "policyDigest": DIGEST},
}
ACT = {"coordinator": ".{1,255}", "at": TIME, "id": "act-[0-9a-z]{1,32}", "kind": ACTS, "details": texts}
TYPES = {"compute-run": RUN, "job-end": JOB_END, "act": ACT}
PREDICATES = {f"https://quipu.dev/{name}/v1": form for name, form in TYPES.items()}
# How the name of a key's file ends, and what its holder may state.
MAY_STATE = {".pub.pem": {"compute-run"}, ".notice.pem": {"job-end", "act"}}


def check_statement(payload):
    demand(len(payload) <= STATEMENT_BYTES_MAX, "statement", "too long")
    value = parse(payload, "statement")
    kind = value.get("predicateType") if isinstance(value, dict) else None
    demand(isinstance(kind, str) and kind in PREDICATES, "statement", "of no type that is known")
    shape(value, {
        "_type": {"https://in-toto.io/Statement/v1"}, "subject": [lambda value, path: None],
        "predicateType": {kind}, "predicate": PREDICATES[kind],
    })
    demand(canonical(value).encode() == payload, "statement", "not canonical JSON")
    predicate, subject = value["predicate"], value["subject"]
    if kind.endswith("/job-end/v1"):
        own = [{"name": "job", "digest": {"sha256": predicate["job"]["digest"].removeprefix("sha256:")}}]
        demand(subject == own, "statement", "its subject is not its job")
    elif kind.endswith("/act/v1"):
        shape(subject, [{"name": ".{1,255}", "digest": {"sha256": HEX64}}, 1, 1], "subject")
    else:
        check_run(predicate, subject)
    return kind.split("/")[-2], value


def check_run(predicate, subject):
    run, details = predicate["run"], predicate["runDetails"]
    asked = canonical(predicate["buildDefinition"]["externalParameters"]["job"]).encode()
    job_hex = sha256(asked).hex()
    demand(run["jobDigest"] == f"sha256:{job_hex}", "statement", "jobDigest is of another job")
    agent = f"/agent/{predicate['host']['name']}"
    fits = details["metadata"]["invocationId"] == run["id"] and details["builder"]["id"].endswith(agent)
    demand(fits, "statement", "two run ids, or two hosts")
    succeeded = run["outcome"] == "succeeded"
    fits = succeeded == ("execution" in predicate) != ("failure" in run)
    demand(fits, "statement", "execution or failure does not fit outcome")
    if subject != [{"name": "job", "digest": {"sha256": job_hex}}]:
        demand(succeeded and subject != [], "statement", "subject is neither outputs nor the job")
        shape(subject, [OUTPUT, 1, 4096], "subject")
        demand(len({one["name"] for one in subject}) == len(subject), "statement", "two of a name")

# --- the log -------------------------------------------------------------------------------------
def entry_of(bundle, spki, digest):
    data = {"algorithm": "SHA2_256", "digest": b64(digest)}
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": b64(spki)}}
    record = {"data": data, "signature": {"content": b64(bundle["sig"]), "verifier": verifier}}
    entry = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}
    return canonical(entry).encode()


def root_of(bundle):
    """RFC 9162, 2.1.3.2; None when the proof has the wrong length."""
    fn, sn, node = bundle["index"], bundle["size"] - 1, sha256(b"\0" + bundle["entry"])
    for other in bundle["hashes"]:
        if sn == 0 or len(other) != 32:
            return None
        if fn % 2 == 1 or fn == sn:
            node = sha256(b"\1" + other + node)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\1" + node + other)
        fn, sn = fn >> 1, sn >> 1
    return node if sn == 0 and bundle["index"] < bundle["size"] else None


def check_checkpoint(bundle, origin, log_key, key_id):
    demand(len(bundle["checkpoint"]) <= NOTE_CHARS_MAX, "checkpoint", "too long")
    text, _, signatures = bundle["checkpoint"].rpartition("\n\n")
    lines = text.split("\n")
    fits = len(lines) >= 3 and "" not in lines and lines[:2] == [origin, str(bundle["size"])]
    demand(fits, "checkpoint", "not three lines, or of another log or size")
    demand(unbase64(lines[2], "checkpoint") == bundle["root"], "checkpoint", "of another root")
    demand(signatures.endswith("\n"), "checkpoint", "no final newline")
    signed, signatures = False, signatures[:-1].split("\n")
    demand(len(signatures) <= 64, "checkpoint", "too many signatures")
    for line in signatures:
        found = re.fullmatch(f"\u2014 ([^{SPACES}+]+) ([A-Za-z0-9+/=]+)", line)
        demand(found, "checkpoint", "a signature line has another form")
        mark = unbase64(found[2], "checkpoint")
        demand(len(mark) >= 5, "checkpoint", "a signature line has no signature")
        if found[1] == origin and mark[:4] == key_id[:4]:
            demand_signed("checkpoint", log_key, mark[4:], (text + "\n").encode())
            signed = True
    demand(signed, "checkpoint", "not signed by the trusted log key")
    demand(bundle["log_key_id"] == key_id, "checkpoint", "the bundle names another log")


def trusted_log(folder):
    log = parse((folder / "trusted_root.json").read_bytes(), "key")["tlogs"][0]
    spki = unbase64(log["publicKey"]["rawBytes"], "key")
    key = serialization.load_der_public_key(spki)
    demand(isinstance(key, ed25519.Ed25519PublicKey), "key", "the log key is not Ed25519")
    origin = log["baseUrl"][len("https://"):]
    key_id = sha256(origin.encode() + b"\n\x01" + spki[-32:])
    demand(unbase64(log["checkpointKeyId"]["keyId"], "key") == key_id, "key", "another key id")
    return origin, key, key_id


def signer_of(keyid, folder):
    """The key, its encoding, and how the names of the files that hold it end."""
    ends = [end for end in MAY_STATE if (folder / f"{keyid}{end}").exists()]
    demand(ends, "key", "the signer's key is not here")
    key = serialization.load_pem_public_key((folder / f"{keyid}{ends[0]}").read_bytes())
    demand(isinstance(getattr(key, "curve", None), ec.SECP256R1), "key", "not an ECDSA key on P-256")
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    demand(sha256(spki).hex() == keyid, "key", "the file holds another key")
    return key, spki, ends


def demand_unrevoked(bundle, folder):
    for path in sorted(folder.glob("*.revoked.json")):
        try:
            revoking, value = verify(path, is_revocation=True)
        except Refused as refusal:
            raise Refused("key", f"{path.name} does not verify: {refusal}") from refusal
        of_key = value["subject"][0]["digest"]["sha256"] == bundle["keyid"]
        revokes = value["predicate"].get("kind") == "key.revoke" and of_key
        if revokes and revoking["log_key_id"] == bundle["log_key_id"]:
            demand(bundle["index"] < revoking["index"], "key", "it was revoked before this entry")


def check_signature(bundle, key):
    length = len(bundle["payload"])
    pae = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {length} ".encode() + bundle["payload"]
    demand_signed("signature", key, bundle["sig"], pae, ec.ECDSA(hashes.SHA256()))
    return sha256(pae)


def read(path):
    data = path.read_bytes()
    demand(len(data) <= BUNDLE_BYTES_MAX, "bundle", "too long")
    return data


def verify(path, is_revocation=False):
    bundle = bundle_of(parse(read(path), "bundle"))
    key, spki, ends = signer_of(bundle["keyid"], path.parent)
    if not is_revocation:
        demand_unrevoked(bundle, path.parent)
    digest = check_signature(bundle, key)
    kind, value = check_statement(bundle["payload"])
    demand(any(kind in MAY_STATE[end] for end in ends), "statement", "its signer may not state that")
    demand(len(bundle["entry"]) <= 65535 and bundle["entry"] == entry_of(bundle, spki, digest), "entry", "not of this envelope")
    demand(root_of(bundle) == bundle["root"], "inclusion", "the proof does not lead to the root")
    check_checkpoint(bundle, *trusted_log(path.parent))
    return bundle, value


def verdict(path, check=verify):
    try:
        check(pathlib.Path(path))
        return "ok"
    except Refused as refusal:
        return str(refusal)


if __name__ == "__main__":
    verdicts = [verdict(path) for path in sys.argv[1:]]
    print("\n".join(verdicts))
    sys.exit(0 if set(verdicts) == {"ok"} else 6)
