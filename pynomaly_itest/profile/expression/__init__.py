"""The one small grammar of profiles: `expect`, `gates`, `${{ … }}` and `-m` are all written in it.

    expression := term { "or" term }            term    := factor { "and" factor }
    factor     := "not" factor | comparison     comparison := operand [ operator operand ]
    operator   := == != < <= > >= in, not in, matches
    operand    := name | number[unit] | "text" | true | false | null | [ operand, … ] | ( expression )
    name       := segment { .segment | [index] | ["any text"] }

There are no calls, no arithmetic and no Python: an expression can be checked before the run, and reading one
can't do anything.
"""

from pynomaly_itest.profile.expression.checker import check, check_value, shape_of
from pynomaly_itest.profile.expression.evaluator import Lookup, dig, evaluate, lookup_in, unit_of_name
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
    names,
    write,
)
from pynomaly_itest.profile.expression.parser import parse
from pynomaly_itest.profile.expression.statistic import Statistic, statistic_of
from pynomaly_itest.profile.expression.template import Template, has_template, resolve, templates
from pynomaly_itest.profile.expression.units import UnitClash, compatible, convert, parse_quantity

__all__ = [
    "And",
    "Compare",
    "Expression",
    "ListOf",
    "Literal",
    "Lookup",
    "Name",
    "Node",
    "Not",
    "Or",
    "Span",
    "Statistic",
    "Template",
    "UnitClash",
    "check",
    "check_value",
    "compatible",
    "convert",
    "dig",
    "evaluate",
    "has_template",
    "lookup_in",
    "names",
    "parse",
    "parse_quantity",
    "resolve",
    "shape_of",
    "statistic_of",
    "templates",
    "unit_of_name",
    "write",
]
