"""The state of an accepted operation is entered, also where the database is away for a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pynomaly.domain.operations import Operation, OperationKind, OperationState
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


class Operations:
    """One operation in a database that is lost, `times` times, just after it has entered that it runs."""

    def __init__(self, times, state=OperationState.PENDING):
        self.times = times
        self.state = state

    def start(self, operation_id):
        if self.state is not OperationState.PENDING:
            return False
        self.state = OperationState.RUNNING
        if self.times:
            self.times -= 1
            raise OSError("the connection was lost while the answer was awaited")
        return True

    def get(self, operation_id):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return Operation(operation_id, "u", "t", OperationKind.TRAIN, self.state, 0.0, at, {})


@pytest.mark.parametrize("times", [0, 1])
def test_what_was_entered_though_nobody_heard_of_it_runs(times):
    operations = Operations(times)
    assert operate._insist(lambda: operate._is_begun(operations, "op")) is True
    assert operations.state is OperationState.RUNNING


def test_what_was_cancelled_while_it_waited_does_not_run():
    operations = Operations(0, OperationState.CANCELLED)
    assert operate._insist(lambda: operate._is_begun(operations, "op")) is False
