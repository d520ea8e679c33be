"""The table of all settings, as the documentation shows it: `python -m pynomaly.settings_reference` prints it."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import msgspec

from pynomaly.settings import PREFIX, Settings

_DEFAULTS_IN_WORDS = {
    "data_dir": "`pynomaly-data`",
    "workers": "half the processors",
    "parsers": "half of the processors, at least 1",
}


def settings_table() -> str:
    """Markdown: each variable, its default and its meaning, which stands below the field in the source."""
    meanings = _meanings()
    rows = [
        f"| `{PREFIX}{field.name.upper()}` | {_default(field)} | {meanings[field.name]} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows]) + "\n"


def _meanings() -> dict[str, str]:
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    statements = definition.body  # type: ignore[attr-defined]  # a class has one
    found = {}
    for statement, following in pairwise(statements):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
            found[ast.unparse(statement.target)] = " ".join(ast.literal_eval(following.value).split())
    return found


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.name in _DEFAULTS_IN_WORDS:
        return _DEFAULTS_IN_WORDS[field.name]
    value = field.default
    if value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if field.name.endswith("_bytes"):
        return f"{value} ({value >> 20} MiB)"
    return f"`{value}`" if isinstance(value, str | Path) else f"{value}"


if __name__ == "__main__":
    print(settings_table(), end="")  # noqa: T201 - what it is for
