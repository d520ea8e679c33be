"""A rich hand-made run: every verdict, long names, hostile texts, and as many scenarios as one asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from pynomaly_itest.events import (
    DiagnosticsCollected,
    Exchange,
    FindingRecorded,
    GateJudged,
    MetricRecorded,
    PlannedScenario,
    ResourceCreated,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    TargetInfo,
    TargetReady,
    TargetSampled,
    Warned,
)
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31mred\x1b[0m\x00\x07"
    " \u202egnp.exe ]]> =1+1 | ::error::pwned `` &amp; \"quoted\" 'single' {{7*7}}\r\nset-cookie: a=b"
)
ALGORITHMS = (
    "isolation_forest",
    "local_outlier_factor",
    "one_class_svm",
    "knn",
    "hbos",
    "pca",
    "ecod",
    "copod",
)


@dataclass
class Clock:
    at_s: float = 0.0

    def tick(self, by_s: float) -> float:
        self.at_s += by_s
        return self.at_s


def sample_run(scenarios: int = 24) -> RunResult:
    """A finished run of at least 12 scenarios, the first of which have every verdict there is."""
    return fold(sample_events(scenarios))


def sample_events(scenarios: int = 24) -> Iterator[Any]:
    """The events of that run, in order; the same for the same count."""
    random, clock = Random(7), Clock()  # noqa: S311 - a fixed sample, nothing secret
    plan = [_planned(index) for index in range(scenarios)]
    yield _started(plan)
    yield TargetReady(at_s=clock.tick(1.31), target=_TARGET, duration_s=1.3)
    yield Warned(at_s=clock.at_s, message="the machine is noisy: 3.1 % between two runs of the same build")
    for index, planned in enumerate(plan):
        yield from _scenario(planned.id, index, random, clock)
    yield RunFinished(at_s=clock.tick(0.2), duration_s=clock.at_s)


_TARGET = TargetInfo(kind="bundled", url="http://127.0.0.1:43817", version="0.1.0")


def _planned(index: int) -> PlannedScenario:
    algorithm = ALGORITHMS[index % len(ALGORITHMS)]
    names = {
        2: "token-is-refused-after-logout",
        3: f"a-name-that-goes-on-and-on[algorithm={algorithm},dataset=anomalous,rows=200000,features=128]",
        4: "cache-survives-redis-restart",
        5: "upload-hostile-names",
        6: "quality-on-thyroid",
    }
    return PlannedScenario(
        id=names.get(index, f"detection-latency-{index:03d}[algorithm={algorithm}]"),
        title={5: f"Names are data {HOSTILE}"}.get(index, "Detection answers within the latency benchmark"),
        tags=("security", "critical") if index == 2 else ("performance", algorithm),
        requires=("redis",) if index == 4 else (),
        where=f"profiles/performance.yaml:{20 + 11 * index}",
        gates=("detect.latency_ms.p95 <= benchmarks.detection_latency_ms",),
    )


def _started(plan: list[PlannedScenario]) -> RunStarted:
    return RunStarted(
        at_s=0.0,
        run_id="01JC7Z5V9T4Q2M8N6K3H1F0D5B",
        profile="performance",
        profile_files=("profiles/performance.yaml", "profiles/base.yaml"),
        description="Latency, training time, memory, throughput, cache and quality at the default benchmarks",
        started_at="2026-03-14T09:26:53+00:00",
        tool_version="0.1.0",
        target=_TARGET.model_copy(update={"version": None}),
        seed=42,
        plan=tuple(plan),
        deselected=3,
        benchmarks={"detection_latency_ms": 100, "training_time_seconds": 30, "memory_usage_mb": 512},
        environment={
            "commit": "4219fb0c1e7a (main)",
            "system": "Linux 6.1.0 x86_64",
            "processor": "AMD EPYC 7B13",
            "cores": "2",
            "memory": "7.8 GiB",
            "python": "3.11.7",
        },
        reproduce="pynomaly-itest run --profile performance --target bundled --seed 42",
    )


def _scenario(scenario: str, index: int, random: Random, clock: Clock) -> Iterator[Any]:
    start = clock.tick(0.02)
    yield ScenarioStarted(at_s=start, scenario=scenario)
    if index == 4:
        reason = "requires redis: no server answers at redis://127.0.0.1:6379"
        yield _finished(scenario, Verdict.SKIPPED, reason, start, clock)
        return
    yield from _steps(scenario, index, clock)
    yield from _samples(index, start, clock, random)
    if index == 7:
        yield StepStarted(at_s=clock.at_s, scenario=scenario, index=4, phase="steps", kind="measure")
        yield _finished(scenario, Verdict.ERROR, "timed out after 30 s", start, clock)
        return
    yield _latency(scenario, index, start, clock, random)
    yield from _dull(scenario, clock, random)
    yield from _judged(scenario, index)
    yield _finished(scenario, *_outcome(index), start, clock)


def _outcome(index: int) -> tuple[Verdict, str | None]:
    return {
        1: (Verdict.FAILED, "1 gate failed"),
        2: (Verdict.FAILED, "1 finding of severity critical"),
        3: (Verdict.INCONCLUSIVE, "too few samples for p99 at 95 % confidence"),
        5: (Verdict.FAILED, "step 2 failed"),
        6: (Verdict.ERROR, "the load generator could not keep up"),
    }.get(index, (Verdict.PASSED, None))


def _finished(
    scenario: str, verdict: Verdict, reason: str | None, start: float, clock: Clock
) -> ScenarioFinished:
    return ScenarioFinished(
        at_s=clock.at_s,
        scenario=scenario,
        verdict=verdict,
        reason=reason,
        started_s=start,
        duration_s=clock.at_s - start,
    )


def _steps(scenario: str, index: int, clock: Clock) -> Iterator[Any]:
    lengths = {"upload_dataset": 0.12, "create_detector": 0.01, "train_detector": 0.9, "load": 4.0}
    for number, (kind, length_s) in enumerate(lengths.items()):
        start, failed = clock.at_s, index == 5 and kind == "create_detector"
        yield StepStarted(at_s=start, scenario=scenario, index=number, phase="steps", kind=kind)
        yield StepFinished(
            at_s=clock.tick(length_s),
            scenario=scenario,
            index=number,
            phase="steps",
            kind=kind,
            title="50 requests/s for 4 s" if kind == "load" else "",
            verdict=Verdict.FAILED if failed else Verdict.PASSED,
            reason=f"expected status 201, got 500: {HOSTILE}" if failed else None,
            started_s=start,
            duration_s=length_s,
            where=f"profiles/performance.yaml:{24 + 11 * index + number}",
            source_line=f"- {kind}: {{dataset: anomalous}}",
            values={"dataset.n_samples": 1000, "ratio": math.nan} if kind == "upload_dataset" else {},
            exchange=_exchange() if failed else None,
        )
        if failed:
            yield ResourceCreated(
                at_s=clock.at_s, scenario=scenario, kind="dataset", id="d-17", path="/api/v1/datasets/d-17"
            )
            yield DiagnosticsCollected(
                at_s=clock.at_s,
                scenario=scenario,
                title="the target's last log lines",
                lines=tuple(f"09:26:{i:02d} ERROR worker {i} {HOSTILE}" for i in range(12)),
            )
            return


def _exchange() -> Exchange:
    return Exchange(
        method="POST",
        url=f"http://127.0.0.1:43817/api/v1/detectors?name={HOSTILE}",
        request_headers={"authorization": "***", "content-type": "application/json"},
        request_body='{"name": "' + HOSTILE + '", "algorithm_name": "IsolationForest"}',
        status=500,
        reply_headers={"content-type": "application/problem+json", "x-hostile": HOSTILE},
        reply_body='{"type": "about:blank", "title": "Internal Server Error"}\n' + HOSTILE * 40,
        duration_ms=12.7,
    )


def _samples(index: int, start: float, clock: Clock, random: Random) -> Iterator[TargetSampled]:
    at, step = start, max(0.25, (clock.at_s - start) / 20)
    while at < clock.at_s:
        phase = (at - start) / max(1e-9, clock.at_s - start)
        rss = 118 + 2.2 * index + 30 * math.sin(math.pi * phase) + random.uniform(-2, 2)
        cpu = min(198.0, 15 + 120 * (phase > 0.2) + random.uniform(0, 40))
        yield TargetSampled(at_s=at, rss_mb=rss, cpu_percent=cpu, threads=9, descriptors=31)
        at += step


def _latency(scenario: str, index: int, start: float, clock: Clock, random: Random) -> MetricRecorded:
    scale = 9.0 if index == 1 else 4.0
    count = 12 if index == 3 else 1000
    values = tuple(
        scale * random.lognormvariate(0, 0.45) + (40 * (random.random() < 0.03)) for _ in range(count)
    )
    span = clock.at_s - start
    return MetricRecorded(
        at_s=clock.at_s,
        scenario=scenario,
        name="detect.latency_ms",
        unit="ms",
        n=count,
        values=values,
        times_s=tuple(start + span * i / count for i in range(count)),
    )


def _dull(scenario: str, clock: Clock, random: Random) -> Iterator[MetricRecorded]:
    """What a step records along the way, and no gate asks for."""
    columns = {
        "detect.n_samples": (100.0,) * 1000,
        "detect.anomaly_rate": tuple(random.random() / 5 for _ in range(1000)),
        "detect.model_version": (1.0,) * 1000,
    }
    for name, values in columns.items():
        yield MetricRecorded(at_s=clock.at_s, scenario=scenario, name=name, unit="1", n=1000, values=values)


def _judged(scenario: str, index: int) -> Iterator[Any]:
    if index == 5:
        return
    if index == 2:
        yield from _findings(scenario)
        return
    verdict, observed, interval, n = Verdict.PASSED, 8.4 + index / 10, (8.1, 8.9 + index / 10), 1000
    reason = None
    if index == 1:
        verdict, observed, interval = Verdict.FAILED, 61.2, (58.9, 63.0)
        reason = "the whole interval lies above the limit"
    if index == 3:
        verdict, observed, interval, n = Verdict.INCONCLUSIVE, 47.2, (9.0, math.inf), 12
        reason = "12 samples are too few for p95 at 95 % confidence: 59 are needed"
    yield GateJudged(
        at_s=0.0,
        scenario=scenario,
        expression="detect.latency_ms.p95 <= benchmarks.detection_latency_ms",
        verdict=verdict,
        reason=reason,
        observed=observed,
        limit=50 if index in {1, 3} else 100,
        op="<=",
        unit="ms",
        n=n,
        interval=interval,
        confidence=0.95,
        where=f"profiles/performance.yaml:{29 + 11 * index}",
        source_line="      - detect.latency_ms.p95 <= benchmarks.detection_latency_ms",
    )
    yield from _other_gates(scenario, index)


def _other_gates(scenario: str, index: int) -> Iterator[GateJudged]:
    place = f"profiles/performance.yaml:{30 + 11 * index}"
    yield GateJudged(
        at_s=0.0,
        scenario=scenario,
        expression="detect.error_ratio == 0",
        verdict=Verdict.PASSED,
        observed=0.0,
        limit=0,
        op="==",
        unit="1",
        n=1000,
        interval=(0.0, 0.003),
        confidence=0.95,
        where=place,
    )
    broken = index == 6
    yield GateJudged(
        at_s=0.0,
        scenario=scenario,
        expression="evaluation.recall >= benchmarks.recall_threshold",
        verdict=Verdict.ERROR if broken else Verdict.PASSED,
        reason="the load generator itself could not keep up: 312 of 2,000 requests were sent late"
        if broken
        else None,
        observed=None if broken else 0.83,
        limit=0.6,
        op=">=",
        unit="1",
        n=None if broken else 300,
        interval=None if broken else (0.78, 0.87),
        confidence=0.95,
        where=place,
        source_line="      - evaluation.recall >= benchmarks.recall_threshold",
    )


def _findings(scenario: str) -> Iterator[FindingRecorded]:
    yield _finding(scenario, "SES-01", Verdict.FAILED, "critical", "The token still works after logout")
    yield _finding(scenario, "JWT-01", Verdict.PASSED, "critical", "An unsigned token is refused")
    yield _finding(scenario, "CFG-01", Verdict.FAILED, "low", "Strict-Transport-Security is missing")
    yield _finding(
        scenario,
        "CFG-02",
        Verdict.FAILED,
        "high",
        "Any origin is reflected",
        "ops, until 2026-06-01: behind a proxy",
    )
    yield _finding(scenario, "RES-01", Verdict.SKIPPED, "medium", "A burst is throttled")


def _finding(
    scenario: str, name: str, verdict: Verdict, severity: str, title: str, waived_by: str | None = None
) -> FindingRecorded:
    return FindingRecorded(
        at_s=0.0,
        scenario=scenario,
        id=name,
        title=title,
        verdict=verdict,
        reason="needs --active" if verdict is Verdict.SKIPPED else None,
        severity=severity,
        fingerprint=f"{name.lower()}-9f2c",
        where="GET /api/v1/auth/me",
        expected="401 Unauthorized",
        observed="200 OK with the account's data",
        why="A stolen token keeps working until it expires.",
        mend="Revoke the session on logout and check it on each request.",
        references=("OWASP API2:2023", "ASVS V7.4.1", "CWE-613"),
        curl="curl -H 'Authorization: Bearer ***' http://127.0.0.1:43817/api/v1/auth/me",
        exchange=_exchange() if verdict is Verdict.FAILED else None,
        waived_by=waived_by,
    )
