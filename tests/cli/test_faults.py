"""Faults on the real platform: each does what it says, is taken back, and leaves nothing; bad input is told of."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Finished, Itest, Platform, wait_for
from redis import Redis

HEAD = """
version: 1
name: mine
scenarios:
"""


def one(kind: str, config: str = "", amid: str = "anything", gate: str = "") -> str:
    """A scenario with one fault, called as its kind with dashes."""
    more = f", {gate}" if gate else ""
    return f"""
  - id: {kind.replace("_", "-")}
    steps:
      - fault: {{inject: {{{kind}: {{{config}}}}}, amid: {amid}, after: 0.1s}}
        save: fault
    gates: [fault.lost == 0, fault.wrong == 0, fault.acknowledged >= 3, fault.recovery_seconds <= 30{more}]
"""


def events(done: Finished, kind: str) -> list[dict[str, Any]]:
    lines = (done.folder / "reports" / "latest" / "run.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def verdicts(done: Finished) -> dict[str, str]:
    return {scenario["id"]: scenario["verdict"] for scenario in done.run["scenarios"]}


def test_each_fault_is_felt_and_survived(itest: Itest) -> None:
    profile = HEAD + "".join(
        [
            one("kill_server", amid="upload", gate="fault.broken >= 1"),
            one("kill_worker", amid="training"),
            one("pause", "lasts: 0.6s", gate="fault.downtime_seconds >= 0.6"),
            one("few_descriptors", "left: 0, connections: 48, lasts: 0.6s", "upload"),
            one("little_memory", "left_mb: 0, lasts: 0.3s", gate="fault.answered_ratio < 1"),
            one("disk_full", "lasts: 0.6s", gate="fault.refused >= 1"),
            one("clock_jump", "by: '-5m', lasts: 0.6s", gate="fault.hung == 0"),
            one("slow_clients", "connections: 20, lasts: 0.6s", gate="fault.hung == 0"),
        ]
    )
    before = Path("/proc/self/mounts").read_text()
    done = itest("run", "-p", itest.profile(profile), timeout_s=200)
    assert done.code == 0, done.text
    assert set(verdicts(done).values()) <= {"passed", "skipped"}  # a small disk can't be mounted everywhere
    marks = {event["name"]: event for event in events(done, "fault_injected")}
    assert set(marks) >= {
        "kill_server",
        "kill_worker",
        "pause",
        "few_descriptors",
        "slow_clients",
        "clock_jump",
    }
    assert marks["pause"]["ended_s"] - marks["pause"]["started_s"] >= 0.6
    assert all(mark["recovered_s"] >= mark["ended_s"] and mark["details"] for mark in marks.values())
    assert Path("/proc/self/mounts").read_text() == before


def test_a_bad_network_to_a_url_is_repeated_by_its_seed_and_harms_nobody(
    itest: Itest, platform: Platform
) -> None:
    profile = HEAD + "".join(
        [
            one("network_cut", "lasts: 0.6s", gate="fault.broken >= 1"),
            one("network_blackhole", "lasts: 0.6s", gate="fault.hung == 0"),
            one("network_delay", "lasts: 0.6s"),
            one("kill_server"),
            one("redis_gone"),
        ]
    )
    done = itest("run", "-p", itest.profile(profile), *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    found = verdicts(done)
    assert {name for name, verdict in found.items() if verdict == "passed"} == {
        f"network-{each}" for each in ("cut", "blackhole", "delay")
    }
    reasons = {scenario["id"]: scenario["reason"] or "" for scenario in done.run["scenarios"]}
    assert "processes are ours" in reasons["kill-server"]
    assert "bundled" in reasons["redis-gone"]
    assert all("connection" in event["details"][-1] for event in events(done, "fault_injected")[:2])


def test_a_network_that_nobody_met_is_no_pass(itest: Itest, platform: Platform) -> None:
    profile = HEAD + one("network_cut", "ratio: 0.000001, lasts: 0.1s")
    done = itest("run", "-p", itest.profile(profile), *platform.flags, **platform.variables)
    assert done.code == 4, done.text
    assert "touched nothing" in done.run["scenarios"][0]["reason"]


def test_ctrl_c_while_the_server_stands_still_leaves_nothing(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(HEAD + one("pause", "lasts: 60s")))
    relatives: list[psutil.Process] = []

    def is_stopped() -> bool:
        relatives[:] = psutil.Process(process.pid).children(recursive=True)
        return any(each.status() == psutil.STATUS_STOPPED for each in relatives)

    wait_for(is_stopped, "a stopped server")
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert done.code == 130, done.text
    assert "Traceback" not in done.text
    _, alive = psutil.wait_procs(relatives, timeout=15)
    assert alive == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{inject: {kill_serve: {}}}", "did you mean 'kill_server'"),
        ("{inject: {pause: {last: 2s}}}", "pause.last"),
        ("{inject: {pause: {}}, amid: lunch}", "amid"),
        ("{inject: {pause: {}}, within: 5mb}", "mb"),
        ("{}", "'inject' is missing"),
    ],
)
def test_a_mistake_in_a_fault_is_told_with_its_place(itest: Itest, step: str, said: str) -> None:
    text = HEAD + f"  - id: x\n    steps:\n      - fault: {step}\n"
    done = itest("run", "-p", itest.profile(text))
    assert done.code == 2, done.text
    assert said in done.err
    assert "mine.yaml:7" in done.err
    assert "Traceback" not in done.text


def test_faults_beyond_this_machine_need_permission(itest: Itest) -> None:
    done = itest("run", "-p", itest.profile(HEAD + one("network_cut")), "--target", "http://itest.invalid")
    assert done.code == 2, done.text
    assert "breaks things on purpose" in done.err
    assert "nothing was sent" in done.err


def test_every_fault_is_listed(itest: Itest) -> None:
    done = itest("list", "faults")
    assert done.code == 0
    assert {"kill_server", "redis_gone", "disk_full", "clock_jump"} <= {
        line.split()[0] for line in done.out.splitlines()
    }


def redis_is_there() -> bool:
    try:
        return bool(Redis.from_url("redis://127.0.0.1:6379/0", socket_connect_timeout=1).ping())
    except OSError:
        return False
    except Exception as problem:
        return "Connection" not in type(problem).__name__ and "Timeout" not in type(problem).__name__


BROKEN = Path(__file__).parents[1] / "broken" / "broken_platform.py"


@pytest.mark.parametrize(
    ("variant", "scenario", "gates"),
    [
        ("loses-uploads", "kill-server[amid=upload]", {"fault.lost == 0"}),
        pytest.param(
            "scores-anew", "kill-server[amid=upload]", {"fault.wrong == 0"}, marks=pytest.mark.thorough
        ),
        ("gives-redis-up", "redis-gone", set()),
        ("hangs", "overload", {"storm.hung == 0", "storm.shed > 0"}),
        ("hangs", "beyond-capacity", {"storm.hung == 0", "storm.shed > 0"}),
        ("swaps-replies", "goodput", {"load.swapped == 0"}),
        ("holds-uploads", "near-the-limit", {"target.rss_mb.max <= benchmarks.memory_usage_mb"}),
        ("takes-any-size", "near-the-limit", set()),
        pytest.param(
            "leaks", "soak", {"soak.memory_growth_bytes_per_request <= 400"}, marks=pytest.mark.thorough
        ),
    ],
)
def test_what_is_broken_on_purpose_is_caught_by_name(
    itest: Itest, variant: str, scenario: str, gates: set[str]
) -> None:
    if scenario == "redis-gone" and not redis_is_there():
        pytest.skip("no Redis on this machine")
    done = itest(
        *("run", "-p", "stress", "--scenario", scenario, "--report", "json"),
        timeout_s=180,
        PYNOMALY_ITEST_PLATFORM=f"{BROKEN} {variant} serve",
    )
    assert done.code == 1, done.text
    (found,) = done.run["scenarios"]
    failed = {gate["expression"] for gate in found["gates"] if gate["verdict"] == "failed"}
    assert gates <= failed, found["reason"]
    if variant == "takes-any-size":
        assert "reply.status_code == 413" in found["reason"]
    if variant == "gives-redis-up":
        assert "its cache was 'ok' and is 'degraded" in found["reason"]


@pytest.mark.serial
def test_a_platform_that_only_queues_is_caught_as_one_that_refuses_passes(itest: Itest) -> None:
    command = ("run", "-p", "stress", "--scenario", "beyond-capacity", "--report", "json")
    done = itest(*command, timeout_s=180)
    assert done.code == 0, done.text
    queueing = itest(*command, "--set", "target.settings.overload_target_s=0", timeout_s=180)
    assert queueing.code == 1, queueing.text
    (found,) = queueing.run["scenarios"]
    failed = {gate["expression"] for gate in found["gates"] if gate["verdict"] == "failed"}
    assert {"storm.hung == 0", "storm.shed > 0"} <= failed, found["reason"]
