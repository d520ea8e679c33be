"""Scenario ids cut to a column, so that no two rows of a table are called the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

_AXIS = re.compile(r"(?:(?<=^)|(?<=,))[A-Za-z_]\w*=")
_LEAST_BASE, _LEAST_CELL = 6, 8


def shortened(ids: Sequence[str], width: int) -> list[str]:
    """Each id in at most `width` characters, in order, and different wherever the ids are.

    One that is too long loses first the names of its matrix (`rows=100` is `100`), then the end of what is before the
    bracket, which its neighbours share, and only then a part of its values.
    """
    found = [_fitted(each, width) for each in ids]
    taken: dict[str, set[str]] = {}
    for each, short in zip(ids, found, strict=True):
        taken.setdefault(short, set()).add(each)
    counted: dict[str, int] = {}
    for at, short in enumerate(found):
        if len(taken[short]) > 1:  # nothing that is left tells them apart
            counted[short] = counted.get(short, 0) + 1
            mark = f"…{counted[short]}"
            found[at] = short.rstrip("…")[: width - len(mark)] + mark
    return found


def _fitted(each: str, width: int) -> str:
    if len(each) <= width:
        return each
    base, bracket, rest = each.partition("[")
    if not bracket:
        return _middle(each, width)
    values, tail = _AXIS.sub("", rest.rpartition("]")[0]), rest.rpartition("]")[2]
    cell = f"[{values}]{tail}"
    room = max(_LEAST_BASE, width - len(cell))
    head = base if len(base) <= room else f"{base[: room - 1]}…"
    if len(head) + len(cell) <= width:
        return head + cell
    room = max(_LEAST_CELL, width - len(head) - len(tail) - 2)
    return f"{head}[{_middle(values, room)}]{tail}"[:width]


def _middle(text: str, width: int) -> str:
    """The text without its middle: beginnings tell what it is, ends tell one from the next."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"
