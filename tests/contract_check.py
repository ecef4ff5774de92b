# SPDX-License-Identifier: Apache-2.0
"""A small validator of JSON Schema: the keywords that the public contract uses, and no other."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

TYPES = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
    "object": dict,
    "array": list,
}
KNOWN = {"type", "enum", "pattern", "minimum", "maximum", "items", "properties", "required"}
KNOWN |= {"additionalProperties", "description", "title", "$schema"}


def problems(value: Any, schema: Mapping[str, Any], where: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value; a keyword that is not known here is wrong too."""
    if unknown := set(schema) - KNOWN:
        yield f"{where}: keywords {unknown}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and (isinstance(value, bool) or not any(isinstance(value, TYPES[t]) for t in types)):
        yield f"{where}: {value!r} is not {types}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        yield f"{where}: {value!r} is out of bounds"
    for i, item in enumerate(value if isinstance(value, list) else ()):
        yield from problems(item, schema.get("items", {}), f"{where}[{i}]")
    if isinstance(value, dict):
        yield from _object_problems(value, schema, where)


def _object_problems(
    value: Mapping[str, Any], schema: Mapping[str, Any], where: str
) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, item in value.items():
        if name in properties:
            yield from problems(item, properties[name], f"{where}.{name}")
        elif others is False:
            yield f"{where}: {name} is not known"
        elif isinstance(others, dict):
            yield from problems(item, others, f"{where}.{name}")
