"""The value of an expression, for `${{ … }}` and `-m`; gates know "no data" too and are judged elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pynomaly_itest.profile.expression.nodes import (
    And,
    Compare,
    Expression,
    ListOf,
    Literal,
    Name,
    Node,
    Not,
    Or,
)
from pynomaly_itest.profile.expression.pattern import matches
from pynomaly_itest.profile.expression.statistic import statistic_of
from pynomaly_itest.profile.expression.units import convert
from pynomaly_itest.shapes import unit_of

Lookup: TypeAlias = Callable[[tuple[str, ...]], Any]
"""Gives the value of a name by its parts; raises KeyError where there is none."""


def evaluate(expression: Expression, lookup: Lookup) -> Any:
    """The expression's value in its own type: what a name stands for, or true and false for a comparison.

    Raises KeyError for a name without a value, TypeError where values can't be compared, ValueError
    (UnitClash) where their units can't.
    """
    return _value(expression.ast, lookup)


def lookup_in(values: Mapping[str, Any]) -> Lookup:
    """A look-up in nested mappings, lists and objects."""
    return lambda parts: dig(values, parts)


_PLAIN = (Mapping, str, bytes, list, tuple, int, float)
"""What JSON is made of has no attributes for us: `items.count` is no number, it is how Python's lists count."""


def dig(values: Any, parts: Sequence[str]) -> Any:
    """The value at the end of a path through mappings, lists (by index) and public attributes of what steps measured.

    Raises KeyError with the dotted name up to the part that isn't there.
    """
    for depth, part in enumerate(parts):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list | tuple) and part.isdecimal() and int(part) < len(values):
            values = values[int(part)]
        elif not isinstance(values, _PLAIN) and not part.startswith("_") and hasattr(values, part):
            values = getattr(values, part)
        else:
            raise KeyError(".".join(parts[: depth + 1]))
    return values


def unit_of_name(parts: Sequence[str]) -> str | None:
    """The unit that a dotted name carries in its last word, or in the word before its statistic."""
    for length in (2, 1):
        statistic = statistic_of(parts[-length:]) if len(parts) > length else None
        if statistic is not None:
            return statistic.unit(unit_of(parts[-length - 1]))
    return unit_of(parts[-1])


def _value(node: Node, lookup: Lookup) -> Any:
    match node:
        case Literal(value):
            return value
        case Name(parts):
            return lookup(parts)
        case ListOf(items):
            return [_value(item, lookup) for item in items]
        case Not(term):
            return not _truth(term, lookup)
        case And(terms):
            return all(_truth(term, lookup) for term in terms)
        case Or(terms):
            return any(_truth(term, lookup) for term in terms)
        case Compare(left, op, right):
            return holds(_value(left, lookup), op, _value(right, lookup), _unit(left), _unit(right))


def _truth(node: Node, lookup: Lookup) -> bool:
    value = _value(node, lookup)
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _unit(node: Node) -> str | None:
    match node:
        case Literal():
            return node.unit
        case Name():
            return unit_of_name(node.parts)
        case _:
            return None


def holds(left: Any, op: str, right: Any, left_unit: str | None, right_unit: str | None) -> bool:
    """Whether two plain values compare so. Raises TypeError or UnitClash where they can't be compared."""
    if _is_number(left) and _is_number(right):
        right = convert(right, right_unit, left_unit)
    match op:
        case "==":
            return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
        case "!=":
            return not holds(left, "==", right, None, None)
        case "in":
            return _contains(right, left)
        case "not in":
            return not _contains(right, left)
        case "matches":
            return matches(left, right)
        case _:
            return _ordered(left, op, right)


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, str) and not isinstance(item, str):
        raise TypeError(f"{item!r} can't be looked for in a text")
    if not isinstance(container, list | tuple | str | Mapping):
        raise TypeError(f"nothing can be in {container!r}")
    return item in container


def _ordered(left: Any, op: str, right: Any) -> bool:
    both_text = isinstance(left, str) and isinstance(right, str)
    if not both_text and not (_is_number(left) and _is_number(right)):
        raise TypeError(f"{left!r} {op} {right!r} can't be compared")
    comparisons: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda one, other: one < other,
        "<=": lambda one, other: one <= other,
        ">": lambda one, other: one > other,
        ">=": lambda one, other: one >= other,
    }
    return bool(comparisons[op](left, right))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
