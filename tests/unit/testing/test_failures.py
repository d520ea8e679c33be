"""A failed assert as the report shows it: the line, and the values on it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pynomaly_itest.testing.failures import explain

SOURCE = """
def check(result, limits):
    found = result["accuracy"]
    assert (
        found >= limits["accuracy"]
        and result["name"] == "x"
    ), "not good enough"

def calls(value):
    assert noisy(value) == 2

CALLED = []

def noisy(value):
    CALLED.append(value)
    return value

def compares(scores, wanted):
    assert scores == wanted

def breaks(mapping):
    return mapping["absent"]
"""


@pytest.fixture
def module(tmp_path: Path) -> Any:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("mine", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def explained(module: Any, function: str, *arguments: Any) -> str:
    try:
        getattr(module, function)(*arguments)
    except Exception as problem:
        return explain(problem, Path(module.__file__))
    raise AssertionError("nothing was raised")


def test_it_shows_line_source_message_and_values(module: Any) -> None:
    text = explained(module, "check", {"accuracy": 0.61, "name": "x"}, {"accuracy": 0.9})
    assert text.startswith("mine.py:4: assert ( found >= limits[")
    assert "not good enough" in text
    assert "found = 0.61" in text
    assert "limits['accuracy'] = 0.9" in text


def test_lists_that_differ_are_told_by_the_first_place(module: Any) -> None:
    text = explained(module, "compares", [1.0] * 500, [1.0] * 499 + [2.0])
    assert "1 of 500 items differs: first [499], 1.0 against 2.0" in text
    assert "scores = 500 items" in text


def test_calls_are_not_made_again(module: Any) -> None:
    text = explained(module, "calls", 1)
    assert "value = 1" in text
    assert module.CALLED == [1]


def test_other_exceptions_say_what_they_are(module: Any) -> None:
    text = explained(module, "breaks", {"present": 1})
    assert "mine.py:22: return mapping['absent']" in text.replace('"', "'")
    assert "KeyError" in text


def test_a_long_value_is_cut(module: Any) -> None:
    text = explained(module, "check", {"accuracy": 0.1, "name": "y" * 10_000}, {"accuracy": 0.05})
    assert len(text) < 1_500
