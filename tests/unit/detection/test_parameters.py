from __future__ import annotations

import json

import pytest

from pynomaly.detection import Parameter, algorithms, resolve
from pynomaly.detection.parameters import check_parameters
from pynomaly.domain.errors import InvalidParameter

COUNT = Parameter("count", "integer", 5, "How many", minimum=1, maximum=9, choices=("auto",))
SHARE = Parameter("share", "number", 0.5, "How much", minimum=0.0, maximum=1.0)
FLAG = Parameter("flag", "boolean", False, "Whether")
SHAPE = Parameter("shape", "string", "round", "Which", choices=("round", "square"))
ALL = (COUNT, SHARE, FLAG, SHAPE)


def test_defaults_fill_what_is_not_given() -> None:
    assert check_parameters(ALL, {}) == {"count": 5, "share": 0.5, "flag": False, "shape": "round"}


@pytest.mark.parametrize(
    ("parameter", "given", "taken"),
    [
        (COUNT, 1, 1),
        (COUNT, 9, 9),
        (COUNT, 3.0, 3),
        (COUNT, "auto", "auto"),
        (SHARE, 0, 0.0),
        (SHARE, 1, 1.0),
        (FLAG, True, True),
        (SHAPE, "square", "square"),
    ],
)
def test_values_within_the_bounds_are_taken_in_their_type(
    parameter: Parameter, given: object, taken: object
) -> None:
    checked = parameter.check(given)
    assert checked == taken
    assert type(checked) is type(taken)


@pytest.mark.parametrize(
    ("parameter", "given"),
    [
        (COUNT, 0),
        (COUNT, 10),
        (COUNT, 1.5),
        (COUNT, True),
        (COUNT, "5"),
        (COUNT, None),
        (COUNT, [3]),
        (SHARE, -0.001),
        (SHARE, 1.001),
        (SHARE, float("nan")),
        (SHARE, float("inf")),
        (SHARE, 10**400),
        (FLAG, 1),
        (FLAG, "true"),
        (SHAPE, "oval"),
        (SHAPE, 1),
        (SHAPE, True),
    ],
)
def test_refusal_names_the_parameter_and_its_bounds(parameter: Parameter, given: object) -> None:
    with pytest.raises(InvalidParameter, match=f"^{parameter.name}: ") as caught:
        parameter.check(given)
    assert caught.value.hint == f"{parameter.name} is {parameter.bounds}"


def test_bounds_in_words() -> None:
    assert COUNT.bounds == "an integer from 1 to 9, or 'auto'"
    assert SHARE.bounds == "a number from 0 to 1"
    assert FLAG.bounds == "true or false"
    assert SHAPE.bounds == "'round' or 'square'"


@pytest.mark.parametrize(
    ("declared", "name", "hint"),
    [
        (ALL, "cuont", "did you mean 'count'?"),
        (ALL, "zzz", "there are: count, share, flag, shape"),
        ((), "zzz", "this algorithm has no parameters"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    declared: tuple[Parameter, ...], name: str, hint: str
) -> None:
    with pytest.raises(InvalidParameter, match=f"{name}: no such parameter") as caught:
        check_parameters(declared, {name: 1})
    assert caught.value.hint == hint


def test_every_declared_default_passes_its_own_check_and_every_number_has_bounds() -> None:
    for spec in algorithms():
        for parameter in spec.parameters:
            assert parameter.check(parameter.default) == parameter.default
            assert parameter.doc
            if parameter.type in {"integer", "number"}:
                assert parameter.minimum is not None
                assert parameter.maximum is not None


def test_description_is_json() -> None:
    described = json.loads(json.dumps([spec.describe() for spec in algorithms()]))
    forest = next(each for each in described if each["name"] == "isolation_forest")
    assert forest["parameters"][0]["name"] == "n_estimators"
    assert forest["parameters"][1]["choices"] == ["auto"]


def test_an_algorithm_checks_what_it_is_given() -> None:
    with pytest.raises(InvalidParameter, match="n_estimators"):
        resolve("isolation_forest").check_parameters({"n_estimators": 1_000_000})
