"""Every kind of fault says what it is, in a file of its name, and takes no config that it doesn't know."""

from __future__ import annotations

from importlib import import_module

import pytest
from pydantic import ValidationError

from pynomaly_itest.faulting.fault import Fault
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.steps.fault import InjectFault

KINDS = list(FAULTS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_a_documented_class_in_a_file_of_its_name(kind: str) -> None:
    fault = FAULTS[kind]
    assert issubclass(fault, Fault)
    assert import_module(f"pynomaly_itest.faults.{kind}").__name__ == fault.__module__
    assert fault.summary
    assert fault.__doc__
    assert all(field.description or name == "connections" for name, field in fault.model_fields.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_its_defaults_and_nothing_unknown(kind: str) -> None:
    assert FAULTS[kind].model_validate({}).lasts_s >= 0
    with pytest.raises(ValidationError):
        FAULTS[kind].model_validate({"severity": 3})


@pytest.mark.parametrize("lasts", ["0s", "-1s", "601s", "5mb", "soon"])
def test_a_lasting_fault_lasts_a_while(lasts: str) -> None:
    with pytest.raises(ValidationError):
        FAULTS["pause"].model_validate({"lasts": lasts})


@pytest.mark.parametrize(
    ("inject", "said"),
    [
        ({"kill_serve": {}}, "did you mean 'kill_server'"),
        ({}, "one fault"),
        ({"pause": {}, "kill_server": {}}, "one fault"),
        ({"pause": {"last": "2s"}}, "pause.last: Extra inputs"),
        ({"network_cut": {"ratio": 2}}, "network_cut.ratio"),
    ],
)
def test_a_step_refuses_a_fault_that_there_is_not(inject: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        InjectFault.model_validate({"inject": inject})


def test_a_look_up_in_a_fault_is_checked_when_it_is_known() -> None:
    assert InjectFault.model_validate({"inject": {"pause": {"lasts": "${{ vars.long }}"}}})
