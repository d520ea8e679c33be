"""The times that the service tells, held against the clock of whoever asked for what they are about."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pynomaly_itest.target.http import Body
from pynomaly_itest.testing import IntegrationTestHelper, TestSecurityService, TestSettings, scenario

SESSION_S, KEY_S = 60, 60  # a session and a key that has just been granted live at least so long


@dataclass
class Clock:
    """The clock of this machine; the target's may differ from it by `tolerance_s`."""

    tolerance_s: float
    span: tuple[float, float] = field(default=(0.0, 0.0))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """From here to the end of the block: the span in which what is made inside has to be made."""
        began = time.time()
        yield
        self.span = (began - self.tolerance_s, time.time() + self.tolerance_s)

    def within(self, told: dict[str, Any], *names: str) -> list[float]:
        """These times of `told`, each within the span that was watched last, and none before the one ahead of it."""
        found = [seconds(told.get(name), name) for name in names]
        low, high = self.span
        for name, at in zip(names, found, strict=True):
            off = at - high if at > high else low - at
            side = "after" if at > high else "before"
            assert low <= at <= high, (
                f"{name} = {told[name]!r} is {off:.1f} s {side} the request that made it"
            )
        in_order(names, found)
        return found


def seconds(told: Any, name: str) -> float:
    """Seconds since 1970 of a time: as such, or as ISO 8601 that says its distance from UTC, and that it is none."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        return float(told)
    assert isinstance(told, str), f"{name} = {told!r} is no time"
    try:
        parsed = datetime.fromisoformat(told)
    except ValueError:
        raise AssertionError(f"{name} = {told!r} is no time in ISO 8601") from None
    assert parsed.utcoffset() == timedelta(0), f"{name} = {told!r} does not say that it is in UTC"
    return parsed.timestamp()


def in_order(names: Sequence[str], times: Sequence[float]) -> None:
    """None is before the one ahead of it."""
    for at in range(1, len(times)):
        assert times[at - 1] <= times[at], (
            f"{names[at]} is {times[at - 1] - times[at]:.3f} s before {names[at - 1]}"
        )


@scenario(
    title="Times are told in UTC, in order, and within the requests that they are about", tags=["end_to_end"]
)
async def times(
    integration_helper: IntegrationTestHelper,
    test_security_service: TestSecurityService,
    test_settings: TestSettings,
    sample_dataset_csv: Path,
) -> None:
    """Of a dataset, a detector, a training, a detection, a session and a key; asked for again, they are the same."""
    helper, clock = integration_helper, Clock(float(test_settings.vars["clock_tolerance_seconds"]))
    with clock.watching():
        dataset = await helper.upload_dataset(sample_dataset_csv, "times")
    made = clock.within(dataset, "created_at")
    assert (await helper.api.call("GET", f"datasets/{dataset['id']}"))["created_at"] == dataset["created_at"]
    with clock.watching():
        detector = await helper.create_detector(algorithm="hbos")
    made += clock.within(detector, "created_at", "updated_at")[:1]
    with clock.watching():
        operation = await helper.start_training(detector["id"], dataset["id"])
        ended = await helper.wait_for_operation(operation)
    made += clock.within(ended, "created_at", "started_at", "finished_at")[:1]
    trained = await helper.api.call("GET", f"detectors/{detector['id']}")
    made += clock.within(trained, "trained_at")
    with clock.watching():
        detection = await helper.detect(detector["id"], dataset["id"])
    made += clock.within(detection, "timestamp")
    stored = await helper.api.call("GET", f"detection/results/{detection['id']}")
    assert stored["timestamp"] == detection["timestamp"]
    in_order(("dataset", "detector", "training", "trained_at", "detection"), made)
    await sessions_and_keys(test_security_service, clock)


async def sessions_and_keys(security: TestSecurityService, clock: Clock) -> None:
    """Both begin when they are granted, and end later than that."""
    with clock.watching():
        user = await security.create_user("analyst")
        (session, *_) = await user.api.call("GET", "auth/sessions")
        key = await user.api.call("POST", "auth/api-keys", accept=(201,), body=Body(json={"name": "times"}))
        (listed,) = await user.api.call("GET", "auth/api-keys")
    clock.within(session, "created_at")
    clock.within(listed, "created_at")
    now = clock.span[1]
    assert seconds(session["expires_at"], "expires_at") > now + SESSION_S, "a session ends as it begins"
    assert seconds(key["expires_at"], "expires_at") > now + KEY_S, "a key ends as it begins"
