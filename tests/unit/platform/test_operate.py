"""The state of an accepted operation is entered, also where the database is away for a moment."""

from __future__ import annotations

import pytest

from pynomaly.usecases import operate


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(operate, "_INSIST_EVERY_S", 0.0)


def failing(times):
    calls = []

    def enter():
        calls.append(1)
        if len(calls) <= times:
            raise OSError("the database is away")
        return True

    return enter, calls


def test_what_fails_is_tried_until_it_is_entered():
    enter, calls = failing(3)
    assert operate._insist(enter) is True
    assert len(calls) == 4


def test_a_refusal_is_an_answer():
    assert operate._insist(lambda: False) is False


def test_nobody_insists_for_ever(monkeypatch):
    monkeypatch.setattr(operate, "_INSIST_S", 0.0)
    enter, calls = failing(10)
    with pytest.raises(OSError, match="away"):
        operate._insist(enter)
    assert len(calls) == 1
