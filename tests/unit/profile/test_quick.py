"""`run --quick`: other values for the profile's variables, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

PROFILE = """
vars: {calls: 300, sizes: [1, 2, 3], rate: 50/s}
quick: {vars: {calls: 20, sizes: [1]}}
scenarios:
  - id: one
    matrix: {size: "${{ vars.sizes }}"}
    steps: [{measure: {step: {health: null}, repeat: "${{ vars.calls }}"}}]
  - id: own
    vars: {calls: 7}
    steps: [{health: null}]
"""


def origin(plan: Any, name: str) -> tuple[object, str]:
    found = next(one for one in plan.origins if one.name == name)
    return (found.value, found.origin)


def test_quick_sets_variables_over_the_profile_and_under_the_scenario(workshop: Any) -> None:
    usual, quick = workshop.load(PROFILE), workshop.load(PROFILE, quick=True)
    assert len(usual.scenarios) == 4
    assert len(quick.scenarios) == 2
    assert usual.scenarios[0].vars["calls"] == 300
    assert quick.scenarios[0].vars == {"calls": 20, "sizes": [1], "rate": "50/s"}
    assert quick.scenarios[-1].vars["calls"] == 7
    value, where = origin(quick, "vars.calls")
    assert value == 20
    assert where.startswith("--quick, profile ")
    assert workshop.load(PROFILE, quick=True, set=["vars.calls=9"]).scenarios[0].vars["calls"] == 9


def test_an_extended_profile_is_quick_where_it_was(workshop: Any) -> None:
    workshop.write(PROFILE, "base.yaml", "version: 1\nname: base\n")
    plan = workshop.load("extends: base\nvars: {calls: 500}\nquick: {vars: {rate: 5/s}}\n", quick=True)
    assert plan.scenarios[0].vars == {"calls": 20, "sizes": [1], "rate": "5/s"}


def test_quick_of_a_profile_that_knows_no_quicker_is_refused(workshop: Any) -> None:
    told = workshop.refusal(PROFILE.replace("quick:", "# quick:"), quick=True)
    assert "--quick: the profile says nothing of what is quicker" in told
    workshop.load(PROFILE.replace("quick:", "# quick:"))


@pytest.mark.parametrize(
    ("below", "message"),
    [
        ("{vars: {call: 20}}", "unknown variable 'call' below 'quick'"),
        ("{benchmarks: {memory_usage_mb: 9000}}", "unknown key 'benchmarks'"),
        ("{vars: {calls: '${{ vars.rate }}'}}", "a variable is a value: it looks nothing up"),
    ],
)
def test_a_mistake_below_quick_is_told_with_or_without_it(workshop: Any, below: str, message: str) -> None:
    profile = PROFILE.replace("{vars: {calls: 20, sizes: [1]}}", below)
    assert message in workshop.refusal(profile)
    assert message in workshop.refusal(profile, quick=True)
