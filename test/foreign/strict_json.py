"""JSON as docs/receipt.md has it: strict where it is read, canonical (RFC 8785) where it is written."""
import decimal
import json
import re

DEPTH_MAX, INTEGER_MAX = 64, (1 << 53) - 1


class Refused(Exception):
    def __init__(self, check, why):
        super().__init__(f"{check}: {why}")


def demand(truth, check, why):
    if not truth:
        raise Refused(check, why)


def parse(data, check):
    def no_doubles(pairs):
        demand(len({key for key, _ in pairs}) == len(pairs), check, "a key stands twice")
        return dict(pairs)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=no_doubles, parse_int=whole)
    except (ValueError, RecursionError) as error:
        raise Refused(check, f"not JSON: {error}") from error
    demand(depth(value) <= DEPTH_MAX, check, "nested too deep")
    return value


def depth(value):
    levels, row = 0, [value]
    while row := [node for node in row if isinstance(node, (dict, list))]:
        levels += 1
        row = [one for node in row for one in (node.values() if isinstance(node, dict) else node)]
    return levels


def whole(text):
    return int(text) if len(text) < 18 and abs(int(text)) <= INTEGER_MAX else float(text)


def number(value):
    """As ECMAScript writes it: the shortest digits that stand for it, with an exponent from 10^21 on and below 10^-6."""
    demand(abs(value) < float("inf"), "statement", "a number is too large")
    sign, digits, exponent = decimal.Decimal(repr(float(value))).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if -6 < point <= 0:
        text = f"0.{'0' * -point}{text}"
    elif 0 < point <= 21:
        text = f"{text[:point]:0<{point}}" + (f".{text[point:]}" if text[point:] else "")
    elif value != 0:
        text = f"{text[0]}{'.' * (len(text) > 1)}{text[1:]}e{point - 1:+d}"
    return f"-{text}" if sign and value != 0 else text


def canonical(value):
    """RFC 8785."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    text = json.dumps(value, ensure_ascii=False)
    demand(not re.search("[\ud800-\udfff]", text), "statement", "half a character")
    return text
