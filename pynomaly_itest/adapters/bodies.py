"""A request's body out of a template and rows: `{data: $rows}` becomes `{"data": [[1.0, 2.0], …]}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.adapters.base import json_body
from pynomaly_itest.datasets.rows import Rows


@dataclass(frozen=True)
class WrittenBody:
    """The bytes, and what they are."""

    content: bytes
    media_type: str


def _one(rows: Rows) -> int:
    if len(rows) != 1:
        raise ValueError("$row and $record are one row: `most_rows: 1` sends a request for each")
    return 0


_VALUES: Mapping[str, Callable[[Rows], Any]] = {
    "$rows": lambda rows: rows.lists(),
    "$records": lambda rows: rows.records(),
    "$columns": lambda rows: rows.columns(),
    "$flat": lambda rows: [value for row in rows.lists() for value in row],
    "$row": lambda rows: rows.lists()[_one(rows)],
    "$record": lambda rows: rows.records()[_one(rows)],
    "$names": lambda rows: list(rows.names),
    "$count": len,
    "$width": lambda rows: len(rows.names),
    "$csv": lambda rows: rows.csv(),
}
_WHOLE: Mapping[str, Callable[[Rows], WrittenBody]] = {
    "$csv": lambda rows: WrittenBody(rows.csv().encode(), "text/csv"),
    "$csv_without_names": lambda rows: WrittenBody(rows.csv().partition("\n")[2].encode(), "text/csv"),
    "$npy": lambda rows: WrittenBody(rows.npy(), "application/x-npy"),
    "$ndjson": lambda rows: WrittenBody(_lines(rows), "application/x-ndjson"),
}
PLACEHOLDERS = tuple(sorted({*_VALUES, *_WHOLE}))
CARRYING = frozenset(
    {
        "$rows",
        "$records",
        "$columns",
        "$flat",
        "$row",
        "$record",
        "$csv",
        "$csv_without_names",
        "$npy",
        "$ndjson",
    }
)
"""Those that carry the rows' values: without any of them, every question would be the same."""


def placeholders(template: Any) -> set[str]:
    """Every text of the template that begins like a placeholder."""
    if isinstance(template, Mapping):
        return {found for value in template.values() for found in placeholders(value)}
    if isinstance(template, list):
        return {found for value in template for found in placeholders(value)}
    return {template} if isinstance(template, str) and template.startswith("$") else set()


def check_template(template: Any) -> None:
    """Raise ValueError where the template names a placeholder that is none, or carries no rows."""
    named = placeholders(template)
    unknown = sorted(named - set(PLACEHOLDERS))
    if unknown:
        raise ValueError(f"{unknown[0]} is none of {', '.join(PLACEHOLDERS)}")
    if not named & CARRYING:
        raise ValueError("the body carries no rows: write $rows, $records, $columns … where they go")
    inside = named & (set(_WHOLE) - set(_VALUES))
    if inside and not isinstance(template, str):
        raise ValueError(f"{min(inside)} is a whole body, and no part of one")


def fill(template: Any, rows: Rows) -> WrittenBody:
    """The body for these rows; raises ValueError where one row is asked for and there are more."""
    if isinstance(template, str) and template in _WHOLE:
        return _WHOLE[template](rows)
    return WrittenBody(json_body(_filled(template, rows)), "application/json")


def _filled(template: Any, rows: Rows) -> Any:
    if isinstance(template, Mapping):
        return {key: _filled(value, rows) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, rows) for value in template]
    if isinstance(template, str) and template in _VALUES:
        return _VALUES[template](rows)
    return template


def _lines(rows: Rows) -> bytes:
    return b"".join(json_body(record) + b"\n" for record in rows.records())
