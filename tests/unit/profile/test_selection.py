"""Selection: -m, -k, --scenario, and an order that a seed decides."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_itest.errors import ExitCode, NothingSelected, Place, UsageError
from pynomaly_itest.profile.model import Scenario, Source
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.profile.selection import is_called, select


def scenario(identifier: str, *tags: str, requires: tuple[str, ...] = (), title: str = "") -> Scenario:
    return Scenario(
        id=identifier,
        title=title,
        tags=tags,
        requires=requires,
        matrix={},
        benchmarks={},
        vars={},
        steps=(),
        gates=(),
        source=Source(Place("p.yaml", 1)),
    )


ALL = (
    scenario("fast", "performance", title="Answers soon"),
    scenario("slow-one", "performance", "slow"),
    scenario("cached", "end_to_end", requires=("redis",)),
    scenario("workflow[algorithm=lof]", "end_to_end"),
    scenario("workflow[algorithm=knn]", "end_to_end"),
)


def chosen(**overrides: Any) -> list[str]:
    return [one.id for one in select(ALL, Overrides(**overrides))]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("performance", ["fast", "slow-one"]),
        ("performance and not slow", ["fast"]),
        ("slow or requires_redis", ["slow-one", "cached"]),
        (
            "end_to_end and not (requires_redis or slow)",
            ["workflow[algorithm=lof]", "workflow[algorithm=knn]"],
        ),
        ("not nobody", [one.id for one in ALL]),
        ("  ", [one.id for one in ALL]),
    ],
)
def test_tags(tags: str, expected: list[str]) -> None:
    assert chosen(tags=tags) == expected


@pytest.mark.parametrize("tags", ["performance and", "a b", "a == 1", "a.b", "(a", "3", "'a'"])
def test_a_bad_tag_expression_is_wrong_usage(tags: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(tags=tags)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "-m" in caught.value.message


def test_words_are_looked_for_in_ids_titles_and_tags() -> None:
    assert chosen(words="SOON") == ["fast"]
    assert chosen(words="workflow knn") == ["workflow[algorithm=knn]"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("soon or cached", ["fast", "cached"]),
        ("SLOW AND Performance", ["slow-one"]),
        ("not workflow", ["fast", "slow-one", "cached"]),
        ("workflow and not knn", ["workflow[algorithm=lof]"]),
        ("workflow not knn", ["workflow[algorithm=lof]"]),
        ("fast or workflow and knn", ["fast", "workflow[algorithm=knn]"]),
        ("(fast or workflow) and not (lof or slow)", ["fast", "workflow[algorithm=knn]"]),
        ("not not cached", ["cached"]),
        ("'answers soon'", ["fast"]),
        ("[algorithm=knn]", ["workflow[algorithm=knn]"]),
        ("   ", [one.id for one in ALL]),
    ],
)
def test_words_are_joined_as_in_pytest(words: str, expected: list[str]) -> None:
    assert chosen(words=words) == expected


@pytest.mark.parametrize(
    "words",
    ["and", "fast and", "or fast", "not", "(fast", "fast)", "()", "'fast", "(" * 500 + "a" + ")" * 500],
)
def test_bad_words_are_wrong_usage(words: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(words=words)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "-k" in caught.value.message
    assert "as in pytest" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("asked", "called"),
    [
        ("workflow", True),
        ("workflow[algorithm=lof]", True),
        ("work*", True),
        ("workflow[algorithm=*]", True),
        ("*lof*", True),
        ("workflow[algorithm=knn]", False),
        ("flow", False),
    ],
)
def test_ids(asked: str, called: bool) -> None:
    assert is_called("workflow[algorithm=lof]", asked) is called


def test_nothing_left_says_why() -> None:
    with pytest.raises(NothingSelected) as caught:
        chosen(tags="perfomance")
    assert caught.value.exit_code is ExitCode.NOTHING_SELECTED
    assert caught.value.hint == "no scenario has the tag 'perfomance'; did you mean 'performance'?"


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        (
            {"tags": "slow and end_to_end"},
            "-m leaves none; tags are: end_to_end, performance, requires_redis, slow",
        ),
        ({"tags": "not performance and not (end_to_end or slow)"}, "-m leaves none"),
        (
            {"words": "nobody"},
            "-k looks for its words in ids, titles and tags; they may be joined with and, or, not",
        ),
    ],
)
def test_nothing_left_by_each_flag(overrides: dict[str, str], hint: str) -> None:
    with pytest.raises(NothingSelected) as caught:
        chosen(**overrides)
    assert str(caught.value.hint).startswith(hint)


def test_an_empty_profile_says_so() -> None:
    with pytest.raises(NothingSelected) as caught:
        select((), Overrides())
    assert caught.value.hint == "the profile has none"


def test_an_id_that_nothing_has_is_refused_even_beside_one_that_is_there() -> None:
    with pytest.raises(NothingSelected) as caught:
        chosen(scenarios=["fast", "cachd"])
    assert caught.value.hint == "did you mean 'cached'?"


def test_all_conditions_must_hold() -> None:
    assert chosen(tags="performance", words="slow", scenarios=["*"]) == ["slow-one"]


def test_a_seed_decides_the_order() -> None:
    first, again, other = (chosen(shuffle_seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other) == sorted(one.id for one in ALL)


def test_an_id_that_is_there_is_no_pattern() -> None:
    many = [scenario(f"q[v={value}]") for value in ("*", "a", "b", "?")]
    assert [one.id for one in select(many, Overrides(scenarios=["q[v=*]"]))] == ["q[v=*]"]
    assert [one.id for one in select(many, Overrides(scenarios=["q[v=?]", "q[v=b]"]))] == ["q[v=b]", "q[v=?]"]
    assert len(select(many, Overrides(scenarios=["q[*"]))) == 4
