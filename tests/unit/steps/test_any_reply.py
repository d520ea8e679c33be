"""Whatever JSON a target answers with, a step passes or fails; it never breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lying_platform import LyingPlatform, run_step

from pynomaly_itest.errors import ItestError

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("upload_dataset", {"dataset": "data"}),
    ("create_detector", {"algorithm": "hbos"}),
    ("train_detector", {"detector": "m1", "dataset": "d1", "timeout_s": 1.0}),
    ("wait_for_operation", {"operation": "o1", "timeout_s": 1.0}),
    ("detect", {"detector": "m1", "dataset": "d1"}),
    ("predict", {"detector": "m1", "dataset": "data"}),
    ("evaluate", {"detector": "m1", "dataset": "d1", "source": "data"}),
]

KEYS = "id status result error detail is_fitted n_samples n_features anomaly_scores anomaly_labels n_anomalies accuracy"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 60)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["completed", "running", "failed"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("kind", "config"), STEPS, ids=[kind for kind, _ in STEPS])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies=st.lists(JSON, min_size=1, max_size=3), behaves_first=st.integers(0, 5))
def test_no_reply_breaks_a_step(
    kind: str, config: dict[str, Any], replies: list[Any], behaves_first: int
) -> None:
    """The first requests are answered as they should be, so that the later ones are reached too."""
    good, count = LyingPlatform(), iter(range(1000))

    def platform(request: httpx.Request) -> httpx.Response:
        number = next(count)
        if number < behaves_first:
            return good(request)
        content = json.dumps(replies[number % len(replies)]).encode()
        return httpx.Response(200, content=content, headers={"content-type": "application/json"})

    assert outcome_of(kind, config, platform)


def outcome_of(kind: str, config: dict[str, Any], platform: Callable[[httpx.Request], httpx.Response]) -> str:
    """How the step ended; anything but a value or an error of ours goes up, and fails the test."""
    try:
        return type(run_step(kind, config, platform)).__name__
    except ItestError as problem:
        return problem.message
    except ExceptionGroup as group:
        if group.split(ItestError)[1] is not None:
            raise
        return group.message
