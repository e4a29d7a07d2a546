#!/usr/bin/env python3
"""A second verifier of Quipu disclosures, written from docs/receipt.md section 11 alone.

    verify_disclosure.py NAME.disclosure.json…

As verify_receipt.py, which lies beside it: `ok` or the first check that fails, a line a file.
"""
import pathlib
import sys

import verify_receipt as receipt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from verify_receipt import HEX64, Refused, demand, shape

MEDIA_TYPE = "application/vnd.quipu.disclosure.v1+json"
FIELDS = """
subject buildDefinition.externalParameters.job buildDefinition.resolvedDependencies
runDetails.builder.version.quipud runDetails.metadata.startedOn runDetails.metadata.finishedOn
runDetails.byproducts run.id run.epoch run.jobId run.jobDigest run.outcome run.failure host.name
host.place.country host.place.zone host.place.site host.place.grade host.place.gradeUntil host.place.operator
host.evidence host.clock policyDigest priceBookDigest isolation execution.driver execution.engine
execution.devices execution.backend execution.determinism execution.arithmetic usage.wallMs usage.deviceMs
usage.cpuMs usage.inputBytes usage.outputBytes privacy
""".split()
STATEMENT = {
    "_type": {"https://in-toto.io/Statement/v1"}, "predicateType": {"https://quipu.dev/disclosure/v1"},
    "subject": [{"name": {"receipt"}, "digest": {"sha256": HEX64}}, 1, 1],
    "predicate": {"statementType": {"https://quipu.dev/compute-run/v1"}, "leaves": int, "root": HEX64},
}


def form_of(name):
    """The form that a receipt has there, and whether it may lack it."""
    form, may_lack = receipt.RUN, False
    for step in name.split("."):
        may_lack = may_lack or step + "?" in form
        form = form[step + "?" if step + "?" in form else step]
    return form, may_lack


def check_value(name, value):
    if name == "subject":
        job_alone = [{"name": {"job"}, "digest": {"sha256": HEX64}}, 1, 1]
        one = value[0] if isinstance(value, list) and len(value) == 1 else None
        is_job = isinstance(one, dict) and "annotations" not in one
        return shape(value, job_alone if is_job else [receipt.OUTPUT, 1, 4096], name, "fields")
    form, may_lack = form_of(name)
    if value is not None or not may_lack:
        shape(value, form, name, "fields")


def leaf_of(field):
    return receipt.canonical([field["salt"], field["name"], field["value"]]).encode()


def check_fields(fields, root):
    for field in fields:
        name, salt = field["name"], receipt.unbase64(field["salt"], "bundle")
        demand(len(salt) == 16, "fields", f"the salt of {name} has not 16 bytes")
        check_value(name, field["value"])
        path = [receipt.unbase64(text, "bundle") for text in field["hashes"]]
        place = {"index": FIELDS.index(name), "size": len(FIELDS)}
        found = receipt.root_of({**place, "entry": leaf_of(field), "hashes": path})
        demand(found == root, "fields", f"{name} is no leaf of the signed tree")


def check_entry(bundle, spki, key, digest):
    """The entry is of the receipt with this digest, which this key has signed."""
    entry = receipt.parse(bundle["entry"], "entry")
    try:
        content = entry["spec"]["hashedRekordV002"]["signature"]["content"]
    except (KeyError, TypeError) as error:
        raise Refused("entry", "it has no signature") from error
    signature = receipt.unbase64(content, "entry")
    same = receipt.entry_of({"sig": signature}, spki, digest)
    demand(bundle["entry"] == same, "entry", "of another receipt or key")
    receipt.demand_signed("entry", key, signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def read_file(data):
    value = receipt.parse(data, "bundle")
    demand(isinstance(value, dict) and value.get("mediaType") == MEDIA_TYPE, "bundle", "no disclosure")
    demand(receipt.canonical(value).encode() == data, "bundle", "not canonical JSON")
    fields = value.pop("fields", None)
    anything = {"name": set(FIELDS), "salt": receipt.BASE64, "hashes": [receipt.BASE64, 0, 16]}
    shape(fields, [{**anything, "value": lambda value, path: None}], "fields", "bundle")
    places = [FIELDS.index(field["name"]) for field in fields]
    demand(places != [] and places == sorted(set(places)), "bundle", "none, twice, or not in order")
    return receipt.bundle_of({**value, "mediaType": receipt.BUNDLE_TYPE}), fields


def verify(path):
    bundle, fields = read_file(receipt.read(path))
    key, spki, ends = receipt.signer_of(bundle["keyid"], path.parent)
    demand(".pub.pem" in ends, "key", "it is none of a host's")
    receipt.demand_unrevoked({**bundle, "index": float("inf")}, path.parent)
    receipt.check_signature(bundle, key)
    statement = receipt.parse(bundle["payload"], "statement")
    demand(len(bundle["payload"]) <= receipt.STATEMENT_BYTES_MAX, "statement", "too long")
    shape(statement, STATEMENT)
    demand(receipt.canonical(statement).encode() == bundle["payload"], "statement", "not canonical JSON")
    demand(statement["predicate"]["leaves"] == len(FIELDS), "statement", "another number of leaves")
    check_entry(bundle, spki, key, bytes.fromhex(statement["subject"][0]["digest"]["sha256"]))
    demand(receipt.root_of(bundle) == bundle["root"], "inclusion", "the proof does not lead to the root")
    receipt.check_checkpoint(bundle, *receipt.trusted_log(path.parent))
    check_fields(fields, bytes.fromhex(statement["predicate"]["root"]))


if __name__ == "__main__":
    verdicts = [receipt.verdict(path, verify) for path in sys.argv[1:]]
    print("\n".join(verdicts))
    sys.exit(0 if set(verdicts) == {"ok"} else 6)
