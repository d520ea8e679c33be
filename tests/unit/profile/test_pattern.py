"""Patterns for `matches` must end: the classic explosions are refused, everyday ones are not."""

from __future__ import annotations

import pytest

from pynomaly_itest.profile.expression.pattern import LONGEST_SUBJECT, matches, pattern_fault


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*b", "(.*)*", "((ab)*c)+", r"(a)\1", "(?P<x>a)(?P=x)", "a*a*a*a*a*b"]
)
def test_explosions_are_refused(pattern: str) -> None:
    fault = pattern_fault(pattern)
    assert fault is not None
    assert "for ever" in fault


@pytest.mark.parametrize(
    "pattern", ["^v\\d+\\.\\d+$", "(GET|POST)?", "[+*]{2}", "a{2,3}", r"\(\w+\)", "(abc)+", "[]a]+", r"\[x"]
)
def test_everyday_patterns_are_taken(pattern: str) -> None:
    assert pattern_fault(pattern) is None


def test_wrong_patterns_say_why() -> None:
    assert "unterminated" in str(pattern_fault("(a"))
    assert "longer" in str(pattern_fault("a" * 301))
    assert pattern_fault(3) is not None


def test_a_text_too_long_to_search_is_an_error_and_no_mismatch() -> None:
    with pytest.raises(ValueError, match="at most 10,000 are searched"):
        matches("x" * (LONGEST_SUBJECT + 1), "x+y+")
    assert not matches(None, "x")
