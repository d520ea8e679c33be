"""`init`, then what it says to do next."""

from __future__ import annotations

import misbehaving
from command_line import Itest, Platform


def test_a_first_profile_runs_as_it_is_against_a_service(itest: Itest) -> None:
    with misbehaving.serving(lambda _, it: it.answer(200, "ok", "text/plain")) as url:
        wrote = itest("init", "--url", url, "--path", "/health")
        done = itest("run", "-p", "release-gate", "--target", url)
    assert wrote.code == 0, wrote.text
    assert wrote.out.splitlines()[-1].strip() == f"pynomaly-itest run -p release-gate --target {url}"
    assert done.code == 0, done.text
    with misbehaving.serving(misbehaving.failing) as url:
        red = itest("run", "-p", "release-gate", "--target", url)
    assert red.code == 1, red.text


def test_a_first_profile_runs_as_it_is_against_a_platform(itest: Itest, platform: Platform) -> None:
    assert itest("init", "--yes", "--ci", "none").code == 0
    done = itest("run", "-p", "release-gate", *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    assert len(done.run["scenarios"]) == 8
    again = itest("init", "--yes", "--url", "http://127.0.0.1:1", "--path", "/")
    assert again.code == 2
    assert "--force" in again.err
