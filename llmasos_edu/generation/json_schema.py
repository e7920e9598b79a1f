"""JSON schemas as grammars: what is written is JSON of the form that was asked for (chapter 6.2.1).

A schema without references describes texts of bounded depth, so a pattern is enough. Keys stand in the order
of the schema, and all of them; between the parts there is one blank behind a colon or a comma, as Python
writes JSON.
"""

import json
from collections.abc import Mapping

from llmasos_edu.generation.grammar import LARGEST, Pattern, choice, one_of, repeat, sequence

# Letters, digits and signs that stand in a JSON string as they are.
TEXT = one_of("".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\'))
LONGEST_TEXT, LONGEST_LIST, LONGEST_NUMBER = 60, 8, 9
DEEPEST = 64  # levels of a schema
PYTHONS = {"string": str, "integer": int, "number": (int, float)}  # what a value of each type is in Python
KNOWN = {
    "object": {"type", "properties", "required", "additionalProperties"},
    "array": {"type", "items", "minItems", "maxItems"},
    "string": {"type", "minLength", "maxLength", "enum"},
    "integer": {"type", "enum"},
    "number": {"type", "enum"},
    "boolean": {"type"},
    "null": {"type"},
}


def schema_pattern(schema: Mapping, depth: int = 1) -> Pattern:
    """The pattern of all texts that this schema describes, as far as they are written in the plain form
    above.

    Known are objects (all properties are written), arrays, strings of ASCII without quotes and backslashes,
    integers, numbers, booleans, null and `enum`. Where the schema sets no bound, strings have at most 60
    signs, arrays 8 items and numbers 9 digits before and after the point.

    Args:
        schema: a JSON schema as a dictionary.
        depth: of this schema in the one that was asked for; at most 64.

    Raises:
        ValueError: what the schema says and a pattern of this kind cannot hold, by name.

    Source: the JSON Schema specification, draft 2020-12, Validation, sections 6.1 to 6.5.
    """
    if not isinstance(schema, Mapping):
        raise ValueError(f"schema={schema!r} is no dictionary")
    if depth > DEEPEST:
        raise ValueError(f"the schema is more than {DEEPEST} levels deep")
    kind = schema.get("type")
    if kind is None and "enum" in schema:
        kind, known = "value of enum", {"enum"}
    elif not isinstance(kind, str) or kind not in KNOWN:
        raise ValueError(f"type={kind!r} in the schema is none of {', '.join(KNOWN)}")
    else:
        known = {"type", "enum"} if "enum" in schema and "enum" in KNOWN[kind] else KNOWN[kind]
    if unknown := sorted(set(map(str, schema)) - known):
        raise ValueError(
            f"the schema asks for {unknown[0]!r} of a {kind}, which is not held: {sorted(known)}"
        )
    return _enum(schema, kind) if "enum" in schema else _MAKERS[kind](schema, depth)


def _enum(schema: Mapping, kind: str) -> Pattern:
    values = schema["enum"]
    if not isinstance(values, list) or not values:
        raise ValueError(f"enum={values!r} must be a list of one or more values")
    for value in values:
        if kind in PYTHONS and (isinstance(value, bool) or not isinstance(value, PYTHONS[kind])):
            raise ValueError(f"enum holds {value!r}, which is no {kind}")
    try:
        return choice(*(json.dumps(value, allow_nan=False) for value in values))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"enum holds what JSON cannot write: {error}") from error


def _object(schema: Mapping, depth: int) -> Pattern:
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, Mapping) or not properties:
        raise ValueError(f"an object in the schema has no properties, {properties!r}: name at least one")
    if not all(isinstance(name, str) for name in properties):
        raise ValueError(f"properties are named by texts, got {list(properties)}")
    if not isinstance(required, list) or not all(name in list(properties) for name in required):
        raise ValueError(f"required={required!r} must list some of the properties {', '.join(properties)}")
    parts: list = ["{"]
    for number, (name, inner) in enumerate(properties.items()):
        parts += [", "] * (number > 0) + [json.dumps(name) + ": ", schema_pattern(inner, depth + 1)]
    return sequence(*parts, "}")


def _array(schema: Mapping, depth: int) -> Pattern:
    least, most = _bounds(schema, "minItems", "maxItems", LONGEST_LIST)
    if "items" not in schema:
        raise ValueError("an array in the schema does not say what its items are")
    item = schema_pattern(schema["items"], depth + 1)
    if most == 0:
        return sequence("[]")
    full = sequence("[", item, repeat(sequence(", ", item), max(0, least - 1), most - 1), "]")
    return full if least else choice("[]", full)


def _string(schema: Mapping, depth: int) -> Pattern:
    least, most = _bounds(schema, "minLength", "maxLength", LONGEST_TEXT)
    return sequence('"', repeat(TEXT, least, most), '"')


def _integer(schema: Mapping, depth: int) -> Pattern:
    digits = one_of("0123456789")
    return choice("0", sequence(choice("", "-"), one_of("123456789"), repeat(digits, 0, LONGEST_NUMBER - 1)))


def _number(schema: Mapping, depth: int) -> Pattern:
    digits = one_of("0123456789")
    fraction = choice("", sequence(".", repeat(digits, 1, LONGEST_NUMBER)))
    whole = choice("0", sequence(one_of("123456789"), repeat(digits, 0, LONGEST_NUMBER - 1)))
    return sequence(choice("", "-"), whole, fraction)


def _bounds(schema: Mapping, low: str, high: str, default: int) -> tuple[int, int]:
    least = schema.get(low, 0)
    most = schema.get(high, max(default, least) if isinstance(least, int) else default)
    for name, value in ((low, least), (high, most)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
            raise ValueError(f"{name}={value!r} must be a whole number from 0 to {LARGEST}")
    if most < least:
        raise ValueError(f"{high}={most} is below {low}={least}")
    return least, most


_MAKERS = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema, depth: choice("true", "false"),
    "null": lambda schema, depth: sequence("null"),
}
