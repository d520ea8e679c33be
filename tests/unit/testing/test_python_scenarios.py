"""Scenarios of a Python file are read, not run: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynomaly_itest.errors import ProfileError
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.model import Plan

PROFILE = "version: 1\nname: mine\nscenarios:\n  - python: flows.py%s\n"
FLOWS = '''
from pynomaly_itest.testing import scenario

raise SystemExit("a profile is read without running this")

@scenario(tags=["slow"], matrix={"algorithm": ["knn", "ecod"]}, gates=["result.n >= 3"], timeout="20s")
async def first(algorithm):
    """What the first one does.

    And more.
    """

@scenario
async def second():
    """Another one"""

async def no_scenario():
    pass
'''


def plan_of(folder: Path, flows: str, what: str = "") -> Plan:
    (folder / "flows.py").write_text(flows)
    (folder / "mine.yaml").write_text(PROFILE % what)
    return load([str(folder / "mine.yaml")])


def test_a_file_gives_all_its_scenarios(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FLOWS)
    assert [scenario.id for scenario in plan.scenarios] == [
        "first[algorithm=knn]",
        "first[algorithm=ecod]",
        "second",
    ]
    first = plan.scenarios[0]
    assert (first.title, first.tags, first.timeout_s) == ("What the first one does", ("slow",), 20.0)
    assert [gate.expression.text for gate in first.gates] == ["result.n >= 3"]
    assert first.steps[0].config == {"workflow": "flows.py::first"}
    assert first.steps[0].save == "result"
    assert first.source.place.file.endswith("flows.py")


def test_one_function_can_be_named_and_the_profile_is_stronger(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FLOWS, "::second\n    id: renamed\n    tags: [mine]")
    assert [(scenario.id, scenario.tags) for scenario in plan.scenarios] == [("renamed", ("mine",))]


@pytest.mark.parametrize(
    ("flows", "what", "says"),
    [
        (FLOWS, "::third", "no @scenario 'third'"),
        ("def broken(:\n", "", "not Python"),
        ("x = 1\n", "", "has no @scenario"),
        ("TAGS = ['a']\n@scenario(tags=TAGS)\nasync def one(): ...\n", "", "must be written out"),
        ("@scenario\ndef one(): ...\n", "", "must be an 'async def'"),
        ("@scenario(colour='red')\nasync def one(): ...\n", "", "unknown key 'colour'"),
        ("@scenario(gates=['resu.n >= '])\nasync def one(): ...\n", "", "ends too early"),
    ],
)
def test_mistakes_are_told_before_the_run(tmp_path: Path, flows: str, what: str, says: str) -> None:
    with pytest.raises(ProfileError) as caught:
        plan_of(tmp_path, flows, what)
    assert any(says in mistake.render() for mistake in caught.value.mistakes), [
        mistake.render() for mistake in caught.value.mistakes
    ]


def test_a_file_that_is_not_there_or_elsewhere_is_told(tmp_path: Path) -> None:
    for name, says in (("absent.py", "there is no file"), ("../outside.py", "beside the profile")):
        (tmp_path / "mine.yaml").write_text(f"version: 1\nname: m\nscenarios: [{{python: {name}}}]\n")
        with pytest.raises(ProfileError) as caught:
            load([str(tmp_path / "mine.yaml")])
        assert says in caught.value.mistakes[0].message
