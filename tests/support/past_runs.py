"""Writes folders of runs as the tool leaves them, with the figures that a test wants in them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from pynomaly_itest.events import (
    GateJudged,
    MetricRecorded,
    PlannedScenario,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepStarted,
    TargetInfo,
    TargetSampled,
    Warned,
    encode,
)
from pynomaly_itest.verdicts import Verdict

HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror=alert(1)>\x1b[31m\"'&"


def write_run(reports: Path, day: int, p95_ms: float, *, limit_ms: float = 50, **more: Any) -> Path:
    """A run of 2026-03-`day`; it fails where `p95_ms` is over the limit.

    more: `profile`, `finished` (default True), `title`: a hostile text, `kind`, `url`: of the target.
    """
    profile = more.get("profile", "performance")
    folder = reports / f"202603{day:02d}T101500Z-{profile}"
    folder.mkdir(parents=True)
    events = list(_events(day, p95_ms, limit_ms, profile, more))
    (folder / "run.jsonl").write_bytes(b"".join(map(encode, events)))
    return folder


def _events(day: int, p95_ms: float, limit_ms: float, profile: str, more: dict[str, Any]) -> list[Any]:
    verdict = Verdict.PASSED if p95_ms <= limit_ms else Verdict.FAILED
    random = Random(day)  # noqa: S311 - a fixed sample
    values = tuple(p95_ms / 2 * random.lognormvariate(0, 0.2) for _ in range(200))
    found: list[Any] = [
        RunStarted(
            at_s=0.0,
            run_id=f"r-{day}",
            profile=profile,
            started_at=f"2026-03-{day:02d}T10:15:00+00:00",
            tool_version="0.1.0",
            target=TargetInfo(
                kind=more.get("kind", "bundled"),
                url=more.get("url", "http://127.0.0.1:4321"),
                version="0.1.0",
            ),
            seed=1,
            plan=(
                PlannedScenario(id="detection", title=more.get("title", "")),
                PlannedScenario(id="upload", title="Upload"),
            ),
            environment={"commit": f"{day:02d}19fb0c1e7a (main)"},
        ),
        ScenarioStarted(at_s=1.0, scenario="detection"),
        MetricRecorded(
            at_s=2.0, scenario="detection", name="detect.latency_ms", unit="ms", n=200, values=values
        ),
        GateJudged(
            at_s=2.0,
            scenario="detection",
            expression="detect.latency_ms.p95 <= benchmarks.detection_latency_ms",
            verdict=verdict,
            observed=p95_ms,
            limit=limit_ms,
            op="<=",
            unit="ms",
            n=200,
            interval=(p95_ms * 0.95, p95_ms * 1.06),
            confidence=0.95,
        ),
        ScenarioFinished(
            at_s=2.5,
            scenario="detection",
            verdict=verdict,
            reason=None if verdict is Verdict.PASSED else f"too slow {more.get('title', '')}",
            started_s=1.0,
            duration_s=1.5,
        ),
        ScenarioStarted(at_s=2.5, scenario="upload"),
    ]
    if not more.get("finished", True):
        samples = [TargetSampled(at_s=1 + i / 10, rss_mb=100 + i) for i in range(20)]
        begun = StepStarted(at_s=2.6, scenario="upload", index=0, phase="steps", kind="upload_dataset")
        return [*found, *samples, Warned(at_s=2.6, message=f"noisy {more.get('title', '')}"), begun]
    found.append(
        ScenarioFinished(at_s=3.0, scenario="upload", verdict=Verdict.PASSED, started_s=2.5, duration_s=0.5)
    )
    return [*found, RunFinished(at_s=3.2, duration_s=3.2)]
