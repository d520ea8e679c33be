"""Checks an expression against the shapes of what will exist, so that no gate waits for what can't come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pynomaly_itest.errors import Mistake
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
    Span,
)
from pynomaly_itest.profile.expression.statistic import statistic_of
from pynomaly_itest.profile.expression.units import compatible
from pynomaly_itest.registry import did_you_mean
from pynomaly_itest.shapes import ANYTHING, STATISTICS, Record, Scalar, Series, Shape

_QUANTILES = ("p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9")
_UNKNOWN = Scalar()
# An open record takes names nobody foresaw, but one this near to a name that is known is that one mistyped.
_SURELY_A_SLIP = 0.9


@dataclass(frozen=True)
class _Fault:
    """A mistake before it has a place in a file."""

    message: str
    span: Span
    hint: str | None = None


def check(expression: Expression, scope: Record) -> list[Mistake]:
    """What is wrong with a condition (`expect`, gates) where these names exist; empty if nothing is.

    Found are unknown names, series without a statistic, comparisons of unlike types or units, and conditions
    that are neither true nor false.
    """
    return _placed(expression, _condition(expression.ast, scope))


def check_value(expression: Expression, scope: Record) -> list[Mistake]:
    """The same for `${{ … }}`, which may be any value."""
    return _placed(expression, _operand(expression.ast, scope))


def shape_of(name: Name, scope: Record) -> Shape | None:
    """What the name stands for; a series' statistic is a number with its unit. None where it is unknown."""
    shape = _walk(name, scope)
    return None if isinstance(shape, _Fault) else shape


def _placed(expression: Expression, faults: Iterator[_Fault]) -> list[Mistake]:
    mistakes = []
    for fault in faults:
        source = expression.source_of(fault.span)
        if source is None:
            mistakes.append(Mistake(f"{fault.message} in {expression.text!r}", hint=fault.hint))
        else:
            mistakes.append(source.mistake(fault.message, fault.hint))
    return mistakes


def _condition(node: Node, scope: Record) -> Iterator[_Fault]:
    """A node that must be true or false."""
    match node:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _condition(term, scope)
        case Not(term):
            yield from _condition(term, scope)
        case Compare():
            yield from _comparison(node, scope)
        case Literal(bool()):
            yield _Fault("this always judges the same", node.span, "leave it out")
        case _:
            faults = list(_operand(node, scope))
            yield from faults
            found = _scalar(node, scope)
            if not faults and found is not None and found.type not in ("boolean", "any"):
                yield _Fault("this is neither true nor false", node.span, "compare it with something")


def _operand(node: Node, scope: Record) -> Iterator[_Fault]:
    """A node that must be a value."""
    match node:
        case Literal():
            pass
        case Name():
            shape = _walk(node, scope)
            if isinstance(shape, _Fault):
                yield shape
            elif isinstance(shape, Series):
                yield _Fault(
                    f"{node.dotted!r} is a series of values",
                    node.span,
                    f"ask it for a statistic: {node.dotted}.p95, .mean, .max, .n …",
                )
        case ListOf(items):
            for item in items:
                yield from _operand(item, scope)
        case _:
            yield from _condition(node, scope)


def _comparison(node: Compare, scope: Record) -> Iterator[_Fault]:
    faults = [*_operand(node.left, scope), *_operand(node.right, scope)]
    yield from faults
    if faults:
        return
    if node.left == node.right:
        yield _Fault("this compares a value with itself: it always judges the same", node.span)
        return
    left, right = _scalar(node.left, scope), _scalar(node.right, scope)
    for side, found in ((node.left, left), (node.right, right)):
        if found is None and not isinstance(side, ListOf):
            assert isinstance(side, Name)  # noqa: S101 - only names stand for records; mypy can't see it
            yield _record_fault(side, scope)
            return
    match node.op:
        case "in" | "not in":
            yield from _membership(node, left, right, scope)
        case "matches":
            yield from _matching(node, left, right)
        case _:
            yield from _likeness(node, left, right)


def _likeness(node: Compare, left: Scalar | None, right: Scalar | None) -> Iterator[_Fault]:
    if left is None or right is None:
        if node.op not in ("==", "!=") or left is not right:
            yield _Fault(f"a list can't be compared by {node.op!r} here", node.span, "use 'in'")
        return
    kinds = {left.type, right.type} - {"any"}
    if "null" in kinds:
        if node.op not in ("==", "!="):
            yield _Fault(f"null can't be compared by {node.op!r}", node.span)
    elif len(kinds) == 2:
        yield _Fault(f"a {left.type} can't be compared with a {right.type}", node.span)
    elif "boolean" in kinds and node.op not in ("==", "!="):
        yield _Fault(f"true and false can't be compared by {node.op!r}", node.span)
    elif not compatible(left.unit, right.unit):
        yield _Fault(f"{left.unit} can't be compared with {right.unit}", node.span, "the units don't fit")


def _membership(node: Compare, left: Scalar | None, right: Scalar | None, scope: Record) -> Iterator[_Fault]:
    if isinstance(node.right, ListOf):
        if not node.right.items:
            yield _Fault("nothing is in an empty list", node.right.span)
        for item in node.right.items:
            found = _scalar(item, scope)
            if left is not None and found is not None:
                yield from _likeness(Compare(node.left, "==", item, item.span), left, found)
    elif right is not None and right.type not in ("any", "string"):
        yield _Fault(f"nothing can be in a {right.type}", node.right.span, "a list stands in [ ]")
    elif (
        right is not None
        and right.type == "string"
        and left is not None
        and left.type not in ("any", "string")
    ):
        yield _Fault(f"a {left.type} can't be in a text", node.left.span)


def _matching(node: Compare, left: Scalar | None, right: Scalar | None) -> Iterator[_Fault]:
    for side, found in ((node.left, left), (node.right, right)):
        if found is None or found.type not in ("string", "any"):
            yield _Fault("'matches' compares texts", side.span)


def _scalar(node: Node, scope: Record) -> Scalar | None:
    """The type and unit of a value; None for lists and records."""
    match node:
        case Literal(value, unit):
            return Scalar(_type_of(value), unit)
        case Name():
            shape = _walk(node, scope)
            if isinstance(shape, Record):
                return _UNKNOWN if shape.open and not shape.fields else None
            return shape if isinstance(shape, Scalar) else _UNKNOWN
        case ListOf():
            return None
        case _:
            return Scalar("boolean")


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _walk(name: Name, scope: Record) -> Shape | _Fault:
    shape: Shape = scope
    for depth, part in enumerate(name.parts):
        if isinstance(shape, Series):
            return _statistic(name, depth, shape)
        if isinstance(shape, Scalar):
            if shape.type == "any":
                return _UNKNOWN
            return _below_scalar(name, depth, shape)
        if part in shape.fields:
            shape = shape.fields[part]
        elif shape.open:
            if get_close_matches(part, shape.fields, n=1, cutoff=_SURELY_A_SLIP):
                return _unknown_name(name, depth, shape)
            shape = ANYTHING
        else:
            return _unknown_name(name, depth, shape)
    return shape


def _statistic(name: Name, depth: int, series: Series) -> Shape | _Fault:
    statistic = statistic_of(name.parts[depth:])
    if statistic is not None:
        return Scalar("number", statistic.unit(series.unit))
    wrong = ".".join(name.parts[depth - 1 :])
    near = _nearest_statistic(".".join(name.parts[depth:]))
    hint = near.replace("did you mean '", f"did you mean '{name.parts[depth - 1]}.")
    return _Fault(f"unknown metric {wrong!r}", _span(name, depth - 1), hint)


def _nearest_statistic(wrong: str) -> str:
    """Swapped digits are the commonest slip of all: `p59` is nearer to `p95` than to `p5`."""
    swapped = next((known for known in _QUANTILES if sorted(known) == sorted(wrong)), None)
    return did_you_mean(swapped or wrong, (*STATISTICS, *_QUANTILES))


def _below_scalar(name: Name, depth: int, shape: Scalar) -> _Fault:
    before = ".".join(name.parts[:depth])
    if shape.type == "number" and statistic_of(name.parts[depth:]) is not None:
        wrong = ".".join(name.parts[depth:])
        return _Fault(f"{before!r} is one number, no series", _span(name, depth), f"leave '.{wrong}' out")
    return _Fault(f"{before!r} is a {shape.type}: nothing is inside it", _span(name, depth))


def _unknown_name(name: Name, depth: int, record: Record) -> _Fault:
    wrong = ".".join(name.parts[: depth + 1])
    hint = did_you_mean(name.parts[depth], record.fields)
    return _Fault(f"unknown name {wrong!r}", _span(name, depth, depth + 1), hint)


def _record_fault(name: Name, scope: Record) -> _Fault:
    shape = _walk(name, scope)
    fields = shape.fields if isinstance(shape, Record) else {}
    known = ", ".join(f"{name.dotted}.{field}" for field in sorted(fields)[:6])
    return _Fault(
        f"{name.dotted!r} is a record, not a value", name.span, f"choose one of {known}" if known else None
    )


def _span(name: Name, first: int, last: int | None = None) -> Span:
    """The span of parts `first` up to (not including) `last` of a name."""
    spans = name.part_spans[first:last] if name.part_spans else ()
    return Span(spans[0].start, spans[-1].end) if spans else name.span
