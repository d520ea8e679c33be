"""The whole engine against servers that misbehave in a known way, each for a second or two.

These are the only tests here that need the clock: what is tested is what the engine says about time.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pynomaly_itest.errors import CannotMeasure, TargetUnreachable, UsageError
from pynomaly_itest.load import (
    Check,
    ConstantArrivalRate,
    ConstantVus,
    Endpoint,
    Executor,
    LoadPlan,
    LoadResult,
    PerVuIterations,
    PoissonArrivals,
    Progress,
    RampingVus,
    Record,
    SharedIterations,
    Stage,
    calibrate,
    run_load,
)
from pynomaly_itest.load.crew import environment
from pynomaly_itest.measure import Estimate, Samples, judge, statistic
from pynomaly_itest.results import Verdict
from pynomaly_itest.transport.tls import Tls

pytestmark = pytest.mark.serial

SERVERS = Path(__file__).parents[3] / "benchmarks" / "load_servers.py"
POST = Endpoint(method="POST", path="/detect", bodies=(b"x" * 1000,))


@dataclass
class Known:
    """A server whose behaviour is known, and after its end what it saw."""

    url: str
    saw: dict[str, Any] = field(default_factory=dict)


@contextmanager
def serving(mode: str, *options: str) -> Iterator[Known]:
    with subprocess.Popen(
        [sys.executable, str(SERVERS), mode, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        scheme = "https" if "--certificate" in options else "http"
        known = Known(f"{scheme}://127.0.0.1:{int(process.stdout.readline())}")
        yield known
        process.stdin.close()
        known.saw = json.loads(process.stdout.read())


def put(url: str, executor: Executor, *endpoints: Endpoint, **settings: Any) -> LoadResult:
    plan = LoadPlan(url=url, endpoints=endpoints or (POST,), executor=executor, **settings)
    return asyncio.run(run_load(plan))


def quantile(result: LoadResult, metric: str, name: str) -> float:
    samples = result.metrics[metric]
    assert isinstance(samples, Samples)
    return statistic(samples, name).value


def test_the_stall_is_felt_in_full() -> None:
    """200 requests a second for 2.5 s, frozen from 0.75 s to 1.25 s: a fifth waited, evenly from 500 ms down."""
    with serving("stall", "--at", "0.75", "--for", "0.5") as server:
        result = put(server.url, ConstantArrivalRate(rate=200, duration_s=2.5))
    assert result.outcomes == {"2xx": 500}
    assert server.saw["n"] == 500
    for name, truth in (("p90", 250), ("p95", 375), ("p99", 475)):
        measured = quantile(result, "latency_ms", name)
        assert 0.9 * truth <= measured <= 1.5 * truth + 50  # above: what a busy machine adds; below: flattery
    latency = result.metrics["latency_ms"]
    assert isinstance(latency, Samples)
    assert judge(statistic(latency, "p95"), "<=", 200).verdict is not Verdict.PASSED


def test_the_stall_is_felt_with_few_connections_too() -> None:
    with serving("stall", "--at", "0.5", "--for", "0.5") as server:
        result = put(server.url, ConstantArrivalRate(rate=200, duration_s=1.5), max_in_flight=5)
    assert result.requests == 300
    assert quantile(result, "latency_ms", "p90") > 200


def test_arrivals_that_cannot_be_sent_are_dropped_and_count() -> None:
    with serving("hang") as server:
        result = put(server.url, ConstantArrivalRate(rate=50, duration_s=1), max_in_flight=5, timeout_s=0.5)
    assert result.requests == 50
    assert set(result.outcomes) == {"timed_out", "dropped"}
    assert sum(result.outcomes.values()) == 50
    assert result.failures == 50
    assert quantile(result, "latency_ms", "min") >= 499
    dropped = result.metrics["dropped"]
    assert isinstance(dropped, Estimate)
    assert judge(dropped, "==", 0).verdict is Verdict.FAILED


def test_a_constant_delay_is_measured_and_arrivals_are_on_time() -> None:
    with serving("delay", "--ms", "5") as server:
        result = put(server.url, ConstantArrivalRate(rate=200, duration_s=2))
    truth = np.quantile(server.saw["ms"], 0.5)
    if sys.platform == "linux":  # its record begins when the kernel took a request in, not when it was read
        assert server.saw["stamped"] == 400
        assert 0 < min(server.saw["waited_ms"]) < 5
        assert min(server.saw["ms"]) >= 5
    assert 0.95 * truth <= quantile(result, "service_ms", "p50") <= 1.5 * truth + 1
    late_ms = (np.array(server.saw["came_s"]) - np.arange(400) / 200) * 1000
    assert np.quantile(np.abs(late_ms - np.median(late_ms)), 0.5) < 2.0


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("ok", "2xx"),
        ("continue", "2xx"),
        ("closing", "2xx"),
        ("unframed", "2xx"),
        ("error", "shed_untold"),
        ("garbage", "bad_body"),
        ("double", "bad_body"),
        ("truncated", "reset"),
        ("reset", "reset"),
        ("hang", "timed_out"),
        ("endless", "bad_body"),
    ],
)
def test_every_answer_has_its_outcome(mode: str, outcome: str) -> None:
    with serving(mode) as server:
        plan = {"timeout_s": 0.3 if mode == "hang" else 5.0, "max_response_bytes": 1_000_000}
        result = put(server.url, SharedIterations(vus=2, iterations=6, max_duration_s=20), **plan)
    assert result.outcomes == {outcome: 6}
    assert result.failures == (0 if outcome == "2xx" else 6)


def test_an_idle_connection_that_the_server_closed_costs_an_idempotent_request_nothing() -> None:
    with serving("ok") as server:
        get = Endpoint(path="/")
        result = put(server.url, PerVuIterations(vus=2, iterations=3), get, think_time_s=0.01)
    assert result.outcomes == {"2xx": 6}


def test_head_has_no_body() -> None:
    with serving("head") as server:
        result = put(server.url, PerVuIterations(vus=2, iterations=5), Endpoint(method="HEAD"), timeout_s=2.0)
    assert result.outcomes == {"2xx": 10}


def test_a_refusal_is_an_outcome() -> None:
    with serving("ok") as server:
        url = server.url
    result = put(url, ConstantArrivalRate(rate=20, duration_s=0.5))
    assert result.outcomes == {"refused": 10}
    latency = result.metrics["latency_ms"]
    assert isinstance(latency, Samples)
    assert judge(statistic(latency, "p50"), "<=", 1000).verdict is Verdict.INCONCLUSIVE


def test_expected_statuses_and_checks_decide_what_is_a_success() -> None:
    welcome = Endpoint(name="welcome", expect_status=(503,))
    with serving("error") as server:
        assert put(server.url, SharedIterations(vus=1, iterations=4), welcome).failures == 0
    wrong = Endpoint(checks=(Check("ok", "==", value=False),))
    with serving("ok") as server:
        result = put(server.url, SharedIterations(vus=1, iterations=4), wrong)
    assert result.outcomes == {"wrong_answer": 4}
    assert result.examples[0]["body"] == '{"ok":true}'
    sampled = Endpoint(checks=(Check("ok", "==", value=True),), check_every=2)
    with serving("html") as server:
        result = put(server.url, SharedIterations(vus=1, iterations=4), sampled)
    assert result.outcomes == {"2xx": 2, "bad_body": 2}


def test_server_timing_is_read_from_a_sample() -> None:
    with serving("timed") as server:
        result = put(server.url, SharedIterations(vus=1, iterations=40))
    assert quantile(result, "server_ms", "p50") == 12.5
    assert result.metrics["server_ms"].n == 3


def test_endpoints_are_kept_apart() -> None:
    with serving("flaky") as server:
        mixed = (Endpoint(name="often", weight=3), Endpoint(name="seldom", path="/b", weight=1))
        result = put(server.url, ConstantArrivalRate(rate=200, duration_s=1), *mixed)
    assert [endpoint.name for endpoint in result.endpoints] == ["often", "seldom"]
    assert sum(endpoint.requests for endpoint in result.endpoints) == 200
    assert sum(endpoint.failures for endpoint in result.endpoints) == result.failures == 20
    assert result.endpoints[0].requests > 2 * result.endpoints[1].requests


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("executor", "requests"),
    [
        (SharedIterations(vus=4, iterations=101), 101),
        (PerVuIterations(vus=5, iterations=20), 100),
        (ConstantArrivalRate(rate=150, duration_s=1), 150),
        (PoissonArrivals(rate=150, duration_s=1), None),
        (ConstantVus(vus=3, duration_s=0.5), None),
        (RampingVus(stages=(Stage(0.3, 4), Stage(0.3, 0))), None),
    ],
)
def test_executors_send_what_they_say(executor: Executor, requests: int | None, workers: int) -> None:
    think = 0.0 if executor.is_open else 0.005
    with serving("ok") as server:
        result = put(server.url, executor, workers=workers, think_time_s=think)
    assert result.outcomes == {"2xx": result.requests}
    assert server.saw["n"] == result.requests
    assert result.requests == requests or (requests is None and result.requests > 50)


def test_the_warm_up_is_cut() -> None:
    with serving("ok") as server:
        result = put(server.url, ConstantArrivalRate(rate=100, duration_s=1.5), warm_up_s=0.5)
    assert (result.requests, result.warm_up_requests) == (100, 50)
    assert result.duration_s == pytest.approx(1.0)


def test_tls(tmp_path: Path) -> None:
    certificate = tmp_path / "both.pem"
    certificate.write_bytes(own_certificate())
    with serving("ok", "--certificate", str(certificate)) as server:
        trusted = put(server.url, SharedIterations(vus=1, iterations=5), tls=Tls(ca=str(certificate)))
        unverified = put(server.url, SharedIterations(vus=1, iterations=5), verify_tls=False)
        distrusted = put(server.url, SharedIterations(vus=1, iterations=2))
    assert trusted.outcomes == unverified.outcomes == {"2xx": 5}
    assert distrusted.outcomes == {"refused": 2}


def test_progress_is_told() -> None:
    seen: list[Progress] = []
    with serving("ok") as server:
        plan = LoadPlan(
            url=server.url, endpoints=(POST,), executor=ConstantArrivalRate(rate=100, duration_s=1.5)
        )
        asyncio.run(run_load(plan, on_progress=seen.append))
    assert len(seen) >= 2
    assert seen[-1].requests == 150
    assert seen[1].p50_ms > 0
    assert seen[0].remaining_s > seen[-1].remaining_s


async def stopped_after(plan: LoadPlan, seconds: float) -> LoadResult:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    return await run_load(plan, stop=stop)


def long_plan(url: str, **settings: Any) -> LoadPlan:
    executor = ConstantArrivalRate(rate=100, duration_s=60)
    return LoadPlan(url=url, endpoints=(POST,), executor=executor, **settings)


def test_stopping_keeps_what_was_measured() -> None:
    with serving("ok") as server:
        begun = time.monotonic()
        result = asyncio.run(stopped_after(long_plan(server.url), 1.5))
    assert time.monotonic() - begun < 10
    assert result.interrupted
    assert result.requests > 50
    assert result.failures == 0
    assert server.saw["n"] == result.requests


def test_what_hangs_when_stopped_is_unfinished() -> None:
    with serving("hang") as server:
        result = asyncio.run(stopped_after(long_plan(server.url), 1.2))
    assert set(result.outcomes) == {"unfinished"}
    assert result.failures == 0


def test_cancelling_hands_over_what_was_measured_and_leaves_no_process() -> None:
    kept: list[LoadResult] = []

    async def cancelled(url: str) -> None:
        async with asyncio.timeout(1.5):
            await run_load(long_plan(url), on_cancelled=kept.append)

    with serving("ok") as server, pytest.raises(TimeoutError):
        asyncio.run(cancelled(server.url))
    assert kept[0].interrupted
    assert kept[0].requests > 30
    assert not [child for child in psutil.Process().children() if "load.worker" in " ".join(child.cmdline())]


def test_workers_end_with_their_starter() -> None:
    starter = (
        "import asyncio, sys\n"
        "from pynomaly_itest.load import *\n"
        "plan = LoadPlan(url=sys.argv[1], endpoints=(Endpoint(),), executor=ConstantVus(vus=1, duration_s=60),"
        " think_time_s=0.05, workers=2)\n"
        "asyncio.run(run_load(plan, on_progress=lambda _: print('on', flush=True)))\n"
    )
    with serving("ok") as server:
        with subprocess.Popen(
            [sys.executable, "-c", starter, server.url], stdout=subprocess.PIPE, env=environment()
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            workers = psutil.Process(process.pid).children()
            process.kill()
        assert len(workers) == 2
        gone, alive = psutil.wait_procs(workers, timeout=5)
        assert (len(gone), alive) == (2, [])


def test_of_several_addresses_the_one_that_answers_is_taken() -> None:
    with serving("ok") as server:
        result = put(server.url.replace("127.0.0.1", "localhost"), SharedIterations(vus=1, iterations=3))
    assert result.outcomes == {"2xx": 3}


def test_a_bad_plan_is_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="never above 0"):
        put("http://127.0.0.1:1", ConstantArrivalRate(rate=0, duration_s=1))


def test_a_host_without_an_address() -> None:
    with pytest.raises(TargetUnreachable, match="no address"):
        put("http://no-such-host.invalid", ConstantArrivalRate(rate=1, duration_s=1))


def test_a_worker_that_does_not_start_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CannotMeasure, match="did not start"):
        put("http://127.0.0.1:1", ConstantArrivalRate(rate=1, duration_s=1))


def test_a_worker_that_dies_is_told() -> None:
    def kill_when_under_way(progress: Progress) -> None:
        for child in psutil.Process().children() if progress.requests > 10 else []:
            if "load.worker" in " ".join(child.cmdline()):
                child.kill()

    with serving("ok") as server:
        result = asyncio.run(run_load(long_plan(server.url), on_progress=kill_when_under_way))
    assert not result.health.kept_up
    assert "ended early" in result.health.reasons[0]
    assert result.requests > 10


def test_secrets_of_the_environment_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYNOMALY_ITEST_PASSWORD", "s3cret")
    assert "s3cret" not in environment().values()
    assert os.environ["PATH"] == environment()["PATH"]


def test_calibration_knows_what_the_generator_costs() -> None:
    found = asyncio.run(calibrate())
    assert 1 < found.cost_us < 500
    assert found.lag_p99_ms >= 0


def own_certificate() -> bytes:
    """A key and a certificate for 127.0.0.1 that is its own authority."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    "executor",
    [ConstantArrivalRate(rate=100, duration_s=0.5), ConstantVus(vus=2, duration_s=0.5)],
    ids=["arrivals", "users"],
)
def test_a_load_in_parts_gives_the_figures_of_all_on_one_clock(executor: Executor) -> None:
    record = Record()
    with serving("delay", "--ms", "5") as server:
        for number in range(2):
            plan = LoadPlan(
                url=server.url, endpoints=(POST,), executor=executor, warm_up_s=0.0 if number else 0.1
            )
            result = asyncio.run(run_load(plan, record=record))
            time.sleep(0.2)
    assert result.health.is_usable, result.health.reasons
    assert result.duration_s == pytest.approx(0.9)
    assert result.requests + result.warm_up_requests == server.saw["n"]
    latencies = result.metrics["latency_ms"]
    assert isinstance(latencies, Samples)
    assert latencies.times_s is not None
    assert float(latencies.times_s.max()) < 0.95
    assert statistic(latencies, "median").value < 50


def test_only_a_load_on_one_level_goes_on() -> None:
    record = Record()
    executor = SharedIterations(vus=1, iterations=3)
    with serving("ok") as server:
        plan = LoadPlan(url=server.url, endpoints=(POST,), executor=executor)
        asyncio.run(run_load(plan, record=record))
        with pytest.raises(UsageError, match="on one level"):
            asyncio.run(run_load(plan, record=record))


@dataclass
class EnoughAt:
    """A look at `at_s`, which is enough."""

    at_s: float
    seen: list[LoadResult] = field(default_factory=list)

    def is_due(self, elapsed_s: float) -> bool:
        return not self.seen and elapsed_s >= self.at_s

    def confidence_of_look(self) -> float:
        return 0.99

    def confidence_at_end(self) -> float:
        return 0.9

    def is_enough(self, so_far: LoadResult) -> bool:
        self.seen.append(so_far)
        return True


@pytest.mark.parametrize(
    "executor",
    [ConstantArrivalRate(rate=100, duration_s=30), ConstantVus(vus=2, duration_s=30)],
    ids=["arrivals", "users"],
)
def test_a_load_that_is_enough_ends_with_every_answer(executor: Executor) -> None:
    """Answers take 0.7 s, more than what an interrupted load waits for."""
    look = EnoughAt(1.0)
    with serving("delay", "--ms", "700") as server:
        plan = LoadPlan(url=server.url, endpoints=(POST,), executor=executor)
        result = asyncio.run(run_load(plan, looks=look))
    assert 1.0 <= result.duration_s < 3
    assert not result.interrupted
    assert result.outcomes == {"2xx": result.requests}
    assert result.requests == server.saw["n"] > look.seen[0].requests > 0
    assert look.seen[0].health.is_usable
    assert result.health.is_usable
    error_ratio = result.metrics["error_ratio"]
    assert isinstance(error_ratio, Estimate)
    assert error_ratio.confidence == 0.9
