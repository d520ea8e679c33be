"""A plan says everything that is wrong with it at once, and keeps its secrets."""

from __future__ import annotations

import msgspec
import pytest

from pynomaly_itest.load import (
    EXECUTORS,
    Check,
    ConstantArrivalRate,
    ConstantVus,
    Endpoint,
    Executor,
    LoadPlan,
    RampingVus,
    SharedIterations,
    Stage,
    mistakes_in,
)

STEADY = ConstantArrivalRate(rate=10, duration_s=5)


def plan(**changes: object) -> LoadPlan:
    settings: dict[str, object] = {
        "url": "http://127.0.0.1:1",
        "endpoints": (Endpoint(),),
        "executor": STEADY,
    }
    return LoadPlan(**(settings | changes))  # type: ignore[arg-type]


def test_a_good_plan_has_no_mistakes() -> None:
    assert mistakes_in(plan()) == []
    assert plan().grace_s == plan().timeout_s


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "ftp://x"}, "http(s) URL"),
        ({"url": "http://"}, "http(s) URL"),
        ({"endpoints": ()}, "nothing to send"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"warm_up_s": -1}, "warm_up_s"),
        ({"warm_up_s": 5}, "leaves nothing"),
        ({"think_time_s": -1}, "think_time_s"),
        ({"graceful_stop_s": -1}, "graceful_stop_s"),
        ({"workers": 0}, "workers"),
        ({"workers": 4, "max_in_flight": 3}, "max_in_flight"),
        ({"endpoints": (Endpoint(), Endpoint())}, "two requests of the mix are called"),
        ({"executor": ConstantArrivalRate(rate=0, duration_s=5)}, "never above 0"),
        ({"executor": ConstantArrivalRate(rate=float("nan"), duration_s=5)}, "arrival rate must be"),
        ({"executor": ConstantArrivalRate(rate=1, duration_s=0)}, "more than 0 s"),
        ({"executor": ConstantVus(vus=0, duration_s=5)}, "never a virtual user"),
        ({"executor": RampingVus(stages=(Stage(5, 1e9),))}, "virtual users must be"),
        ({"executor": RampingVus(stages=(Stage(9, 1), Stage(-1, 1)))}, "less than 0 s"),
        ({"executor": SharedIterations(vus=1, iterations=0)}, "iterations"),
        ({"endpoints": (Endpoint(method="GE T"),)}, "no method"),
        ({"endpoints": (Endpoint(path="a b"),)}, "a path begins with"),
        ({"endpoints": (Endpoint(path="/a\r\nHost: evil"),)}, "control character"),
        ({"endpoints": (Endpoint(headers=(("X-A", "1\r\nX-B: 2"),)),)}, "control character"),
        ({"endpoints": (Endpoint(headers=(("X A", "1"),)),)}, "no header name"),
        ({"endpoints": (Endpoint(bodies=()),)}, "at least one body"),
        ({"endpoints": (Endpoint(weight=0),)}, "weight"),
        ({"endpoints": (Endpoint(check_every=0),)}, "check_every"),
    ],
)
def test_mistakes(changes: dict[str, object], words: str) -> None:
    found = mistakes_in(plan(**changes))
    assert any(words in mistake for mistake in found), found


def test_all_mistakes_are_found_at_once() -> None:
    assert (
        len(mistakes_in(plan(url="x", timeout_s=0, workers=0, endpoints=(Endpoint(weight=0, bodies=()),))))
        == 5
    )


def test_secrets_do_not_show() -> None:
    secret = "s3cret-token"
    endpoint = Endpoint(headers=(("Authorization", f"Bearer {secret}"),), bodies=(secret.encode(),))
    shown = repr(plan(endpoints=(endpoint,))) + str(endpoint) + repr(list(endpoint.__rich_repr__()))
    assert secret not in shown
    assert "Authorization" in shown


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_executors_go_by_their_name(name: str) -> None:
    values = {
        "rate": 5, "duration_s": 2.0, "start_rate": 1, "stages": [{"duration_s": 1, "target": 2}],
        "vus": 3, "iterations": 9, "start_vus": 1,
    }  # fmt: skip
    fields = {field.name for field in msgspec.structs.fields(EXECUTORS[name])}
    options = {key: value for key, value in values.items() if key in fields}
    executor = msgspec.convert({"executor": name, **options}, type=Executor)
    assert type(executor) is EXECUTORS[name]
    assert executor.planned_s > 0
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"executor": name, **options, "speed": 3}, type=Executor)


def test_a_plan_travels_to_its_workers_whole() -> None:
    sent = plan(endpoints=(Endpoint(bodies=(b"\x00\xff", b""), checks=(Check("a.b", "==", 3),)),))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=LoadPlan) == sent
