"""What YAML may say of a kind, as a table: made of its strict model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pynomaly_itest.reference.page import Table

_COLUMNS = ("field", "takes", "default", "meaning")


def fields_table(schema: Mapping[str, Any]) -> Table:
    """The fields of a model's JSON Schema."""
    definitions = schema.get("$defs", {})
    required = schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            type_of(field, definitions),
            "needed" if name in required else _default(field),
            str(field.get("description", "")),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return Table(_COLUMNS, tuple(rows))


def type_of(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A schema in a few words: `number`, `one of a, b`, `list of text`."""
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        inner = definitions.get(name, {})
        return type_of(inner, definitions) if "properties" not in inner else f"mapping ({_keys(inner)})"
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    for many in ("anyOf", "oneOf"):
        if many in field:
            parts = [type_of(part, definitions) for part in field[many] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(parts))
    if field.get("type") == "array":
        return f"list of {type_of(field.get('items', {}), definitions)}"
    return _simple(field)


def _simple(field: Mapping[str, Any]) -> str:
    names = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "mapping",
    }
    name = names.get(str(field.get("type")), "anything")
    bounds = [
        f"{sign} {field[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if isinstance(field.get(key), int | float)
    ]
    return f"{name} {' and '.join(bounds)}".strip()


def _keys(schema: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in schema["properties"])


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return "" if value in (None, "", [], {}) else f"`{json.dumps(value, ensure_ascii=False)}`"
