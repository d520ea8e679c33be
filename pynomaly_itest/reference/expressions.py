"""An explanation of any expression, name by name."""

from __future__ import annotations

from pynomaly_itest.errors import ItestError
from pynomaly_itest.reference.gates import COMPARED
from pynomaly_itest.reference.library import find
from pynomaly_itest.reference.metrics import MEANINGS
from pynomaly_itest.reference.page import Page, Table, section


def of_expression(text: str) -> Page | None:
    """What a whole gate says, name by name; None where it is no expression with a comparison in it."""
    from pynomaly_itest.profile.expression import And, Compare, Not, Or, names, parse, write

    try:
        expression = parse(text)
    except ItestError:
        return None
    if not isinstance(expression.ast, Compare | And | Or | Not):
        return None
    rows = [(f"`{write(name)}`", _about(name.parts)) for name in names(expression)]
    return Page(
        "expression",
        text,
        "a condition; its names and how they are judged",
        (
            *section("Its names", Table(("name", "what it is"), tuple(rows))),
            *section("How it is judged", COMPARED),
        ),
    )


def _about(parts: tuple[str | int, ...]) -> str:
    """A name's parts: whose value, which metric, which statistic of it."""
    words = [str(part) for part in parts]
    if words[0] in ("benchmarks", "vars", "matrix", "run"):
        return f"a value of the profile (`{words[0]}`); --dry-run shows it and where it came from"
    told = []
    for word in reversed(words[1:] or words):
        page = next((page for page in find(word) if page.noun in ("metric", "statistic")), None)
        if page is not None:
            told.append((MEANINGS.get(word) or page.summary).partition(";")[0])
    saved = "of the target" if words[0] == "target" else f"of what a step saved as `{words[0]}`"
    return "; ".join([*told, saved])
