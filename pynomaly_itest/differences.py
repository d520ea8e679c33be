"""Tells where two lists or mappings differ: by their lengths, else by the first place and the largest difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = 60
_LONGEST_VALUE = 60
_DEEPEST = 32


@dataclass(frozen=True)
class Difference:
    """`left` and `right`: what stands for each of the two; `text`: the whole difference in a sentence."""

    left: str
    right: str
    text: str


def is_long(value: Any) -> bool:
    """Whether it is a list or mapping too long to be shown whole."""
    return isinstance(value, list | tuple | Mapping) and (len(value) > _SHORT or len(repr(value)) > _SHORT)


def size_of(value: Any) -> str:
    """How many items a list has, or names a mapping: what stands for one that is too long to be shown."""
    noun = "name" if isinstance(value, Mapping) else "item"
    return f"{len(value):,} {noun}{'' if len(value) == 1 else 's'}"


def difference(one: Any, other: Any) -> Difference | None:
    """How two lists, or two mappings, differ; None where they are equal or not two of a kind.

    Places are written as an expression looks them up: `[12]`, `.detector.id`.
    """
    return _difference(one, other, "", 0)


def _difference(one: Any, other: Any, place: str, depth: int) -> Difference | None:
    if depth >= _DEEPEST or one == other:
        return None
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _of_mappings(one, other, place, depth)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return _of_lists(one, other, place, depth)
    return None


def _of_lists(one: Sequence[Any], other: Sequence[Any], place: str, depth: int) -> Difference:
    unlike = [at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right]
    if len(one) != len(other):
        shorter = min(len(one), len(other))
        tail = f"; they differ from [{unlike[0]}] on" if unlike else f"; the first {shorter:,} are equal"
        sizes = size_of(one), size_of(other)
        at = f" at {place}" if place else ""
        return Difference(*sizes, f"{sizes[0]} against {sizes[1]}{at}{tail if shorter else ''}")
    first = unlike[0]
    inner = _difference(one[first], other[first], f"{place}[{first}]", depth + 1)
    if inner is not None and len(unlike) == 1:
        return inner
    told = _pair(one[first], other[first], f"{place}[{first}]")
    count = f"{len(unlike):,} of {size_of(one)} {'differs' if len(unlike) == 1 else 'differ'}"
    most = _largest(one, other, unlike, place) if len(unlike) > 1 else ""
    return Difference(told.left, told.right, f"{count}: first {(inner or told).text}{most}")


def _largest(one: Sequence[Any], other: Sequence[Any], unlike: Sequence[int], place: str) -> str:
    apart = {at: abs(one[at] - other[at]) for at in unlike if _is_number(one[at]) and _is_number(other[at])}
    if not apart:
        return ""
    most = max(apart, key=lambda at: apart[at])
    return f"; the largest difference is {apart[most]:.6g}, at {place}[{most}]"


def _of_mappings(one: Mapping[Any, Any], other: Mapping[Any, Any], place: str, depth: int) -> Difference:
    for here, there, side in ((one, other, "right"), (other, one, "left")):
        lacking = [name for name in here if name not in there]
        if lacking:
            shown = _place(place, lacking[0])
            more = f" and {len(lacking) - 1} more names" if len(lacking) > 1 else ""
            return Difference(size_of(one), size_of(other), f"{shown}{more} is not there on the {side}")
    unlike = [name for name in one if one[name] != other[name]]
    at = _place(place, unlike[0])
    inner = _difference(one[unlike[0]], other[unlike[0]], at, depth + 1)
    found = inner or _pair(one[unlike[0]], other[unlike[0]], at)
    more = f"; {len(unlike):,} of {size_of(one)} differ" if len(unlike) > 1 else ""
    return Difference(found.left, found.right, f"{found.text}{more}")


def _place(place: str, name: Any) -> str:
    return f"{place}.{clipped(str(name))}"


def _pair(one: Any, other: Any, place: str) -> Difference:
    left, right = _shown(one), _shown(other)
    return Difference(f"{place} {left}", f"{place} {right}", f"{place}, {left} against {right}")


def _shown(value: Any) -> str:
    return size_of(value) if is_long(value) else clipped(repr(value))


def clipped(text: str, longest: int = _LONGEST_VALUE) -> str:
    """The text, cut to `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
