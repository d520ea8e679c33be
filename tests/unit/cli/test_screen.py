"""What the screen says: plain lines, requests, the live view, the table at the end. All on fakes."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from rich.console import Console as RichConsole

from pynomaly_itest.cli import logs
from pynomaly_itest.cli.console import Console
from pynomaly_itest.cli.live import LiveConsole
from pynomaly_itest.cli.names import shortened
from pynomaly_itest.cli.overview import table
from pynomaly_itest.cli.requests import Requests
from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.events import (
    FindingRecorded,
    GateJudged,
    PlannedScenario,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
)
from pynomaly_itest.results import ScenarioResult
from pynomaly_itest.verdicts import Verdict


def scenario_started(name: str) -> ScenarioStarted:
    return ScenarioStarted(at_s=0.0, scenario=name)


def step_started(name: str, kind: str) -> StepStarted:
    return StepStarted(at_s=0.0, scenario=name, index=0, phase="steps", kind=kind)


def scenario_finished(name: str, verdict: Verdict, reason: str | None = None) -> ScenarioFinished:
    return ScenarioFinished(
        at_s=2.0, scenario=name, verdict=verdict, reason=reason, started_s=0.0, duration_s=2.0
    )


def test_plain_lines_tell_each_scenario_and_why_it_did_not_pass() -> None:
    stream = io.StringIO()
    with Console("normal", 12, stream) as console:
        console.heard(scenario_started("a"))
        console.heard(scenario_finished("a", Verdict.PASSED))
        console.heard(scenario_finished("b", Verdict.FAILED, "answered \x1b[2J500\nnot 200"))
    assert stream.getvalue().splitlines() == [
        "[ 1/12] ✓ a  2.0 s",
        "[ 2/12] ✗ b  2.0 s",
        "      failed: answered ·[2J500 not 200",
    ]


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with Console("quiet", 1, stream) as console:
        console.heard(scenario_finished("b", Verdict.FAILED, "no"))
    assert stream.getvalue() == ""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logs.configure("WARNING", "text")
    yield logging.getLogger("pynomaly_itest.target.http")
    logging.getLogger("pynomaly_itest").handlers.clear()


def request(logger: logging.Logger, path: str, took_ms: float, status: int | None = 200) -> None:
    details = {
        "method": "GET",
        "url": f"http://127.0.0.1:1{path}",
        "status": status,
        "duration_ms": took_ms,
        "error": None if status else "connection refused",
    }
    logger.debug("with body and all", extra={"details": details})


def test_verbose_tells_each_request_and_a_long_row_of_one_in_a_line(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    requests = Requests(said.append)
    requests.listen()
    request(logger, "/a?x=1", 1.0)
    for took_ms in (2.0, 3.0, 4.0, 9.0, 5.0):
        request(logger, "/b", took_ms)
    request(logger, "/c", 0.5, status=None)
    requests.stop()
    request(logger, "/later", 1.0)
    assert said == [
        "      GET /a?x=1 200  1.0 ms",
        "      GET /b 200  2.0 ms",
        "      GET /b 200  3.0 ms",
        "      GET /b 200  4.0 ms",
        "      … 2 more of these  5.0 to 9.0 ms",
        "      GET /c connection refused  0.5 ms",
    ]
    assert capsys.readouterr().err == "", "the log's own level still holds"


def test_requests_that_the_log_tells_of_are_not_told_twice(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("DEBUG", "text")
    said: list[str] = []
    requests = Requests(said.append)
    requests.listen()
    request(logger, "/a", 1.0)
    requests.stop()
    assert said == []
    assert capsys.readouterr().err.count("with body and all") == 1


@dataclass
class Time:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def drawn(console: LiveConsole) -> list[str]:
    """What the live view shows now, as plain text."""
    screen = RichConsole(file=io.StringIO(), width=80, color_system=None)
    with screen.capture() as captured:
        screen.print(console._view())  # the frame itself: what a terminal makes of it is rich's
    return captured.get().splitlines()


def test_the_live_view_shows_every_scenario_in_progress_its_step_and_figures() -> None:
    time = Time()
    screen = RichConsole(file=io.StringIO(), width=80, force_terminal=True)
    console = LiveConsole("normal", 8, time, screen)
    assert drawn(console) == ["0/8 done  starting the target  0:00"]
    console.heard(scenario_started("a"))
    console.heard(step_started("a", "load"))
    console.progress("a", "load 50/s, p50 4.1 ms, p95 8.0 ms, 2 failed, 12 s left")
    console.heard(scenario_started("b\x1b[2J" + "x" * 200))
    time.now_s += 7
    lines = drawn(console)
    assert lines[0] == "     7 s  a  load 50/s, p50 4.1 ms, p95 8.0 ms, 2 failed, 12 s left"
    assert len(lines[1]) == 80
    assert lines[1].endswith("…")
    assert "\x1b" not in lines[1]
    assert lines[2] == "0/8 done  0:07"


def test_the_live_view_tells_the_time_left_once_some_have_ended() -> None:
    time = Time()
    console = LiveConsole("normal", 8, time, RichConsole(file=io.StringIO(), width=80))
    for number, verdict in enumerate((Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED, Verdict.PASSED)):
        assert "left" not in drawn(console)[-1]
        console.heard(scenario_started(f"s{number}"))
        time.now_s += 10
        console.heard(scenario_finished(f"s{number}", verdict))
        if number == 2:
            break
    assert drawn(console) == ["3/8 done, 1 not passed  0:30, about 0:50 left"]
    for number in range(3, 8):
        console.heard(scenario_finished(f"s{number}", Verdict.PASSED))
    assert drawn(console) == ["8/8 done, 1 not passed  ending the target  0:30"]


def result(name: str, verdict: Verdict = Verdict.PASSED, **gates: tuple[float, str, float]) -> ScenarioResult:
    judged = [
        GateJudged(
            at_s=1.0,
            scenario=name,
            expression=f"{metric} {op} benchmarks.{metric}",
            verdict=verdict,
            observed=observed,
            op=op,
            limit=limit,
            unit="ms",
        )
        for metric, (observed, op, limit) in gates.items()
    ]
    return ScenarioResult(PlannedScenario(id=name), verdict, None, 0.0, 1.5, True, gates=judged)


def printed(scenarios: list[ScenarioResult], width: int = 80) -> list[str]:
    screen = RichConsole(file=io.StringIO(), width=width, color_system=None)
    with screen.capture() as captured:
        screen.print(table(scenarios, width))
    return captured.get().splitlines()


def gate_shown(scenario: ScenarioResult) -> str:
    return printed([scenario])[1].split()[4]


def test_the_table_shows_what_the_scenario_is_about() -> None:
    memory = {"rss": (300.0, "<=", 512.0)}
    assert gate_shown(result("latency", p95=(4.0, "<=", 100.0), **memory)) == "p95"
    assert gate_shown(result("latency", p95=(4.0, "<=", 100.0), rss=(500.0, "<=", 512.0))) == "rss"
    failed = result("latency", p95=(90.0, "<=", 100.0), rss=(600.0, "<=", 512.0))
    failed.gates[1] = failed.gates[1].model_copy(update={"verdict": Verdict.FAILED})
    assert gate_shown(failed) == "rss"
    expected = result("steps", rows=(9.0, "<=", 10.0), rate=(1.0, "<=", 10.0))
    expected.gates[:] = [gate.model_copy(update={"step": 0}) for gate in expected.gates]
    assert gate_shown(expected) == "rows"


def test_rows_of_a_matrix_differ_at_eighty_columns() -> None:
    cells = [(a, n) for a in ("isolation_forest", "local_outlier_factor", "ecod") for n in (1, 100, 1000)]
    metric = "detect.latency_ms.p95"
    scenarios = [
        result(f"detection-latency[algorithm={a},rows={n}]", **{metric: (1.7, "<=", 100.0)}) for a, n in cells
    ]
    lines = printed(scenarios)
    assert all(len(line) <= 80 for line in lines)
    names = [line.split()[1] for line in lines[1:]]
    assert len(set(names)) == len(cells)
    assert "[ecod,1000]" in names[-1]
    assert all("latency_ms.p95" in line for line in lines[1:])
    assert not any("algorithm=" in name for name in names)


@pytest.mark.parametrize("width", [20, 26, 40])
def test_shortened_ids_fit_and_differ(width: int) -> None:
    ids = [f"a-scenario-of-long-name[case={'x' * 70}{n}{'y' * 70}]" for n in range(30)]
    ids += [f"{'z' * 60}{n}{'z' * 60}" for n in range(12)] + ["short", "q[v=1]", "q[v=*]"]
    found = shortened(ids, width)
    assert len(set(found)) == len(ids)
    assert max(map(len, found)) <= width
    assert found[-3:] == ["short", "q[v=1]", "q[v=*]"]


def test_the_table_shows_the_gate_with_the_least_room_and_fits() -> None:
    lines = printed(
        [result("a" * 90, p50=(4.0, "<=", 100.0), p95=(90.0, "<=", 100.0), rate=(500.0, ">=", 99.0))]
    )
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split() == ["✓", lines[1].split()[1], "1.5", "s", "p95", "90", "ms", "<=", "100", "ms"]
    assert lines[1].split()[1].endswith("…")


def test_of_very_many_scenarios_those_that_need_looking_at_are_shown() -> None:
    many = [result(f"s{number}") for number in range(100)] + [result("bad", Verdict.FAILED)]
    lines = printed(many)
    assert len(lines) == 42
    assert lines[-2].split()[:2] == ["✗", "bad"]
    assert lines[-1].strip() == "… and 61 more"


def test_steps_of_a_verbose_run_follow_their_requests(logger: logging.Logger) -> None:
    stream = io.StringIO()
    with Console("verbose", 1, stream) as console:
        for _ in range(5):
            request(logger, "/a", 1.0)
        console.heard(
            StepFinished(
                at_s=1.0,
                scenario="a",
                index=0,
                phase="steps",
                kind="measure",
                verdict=Verdict.PASSED,
                started_s=0.0,
                duration_s=1.0,
            )
        )
    assert stream.getvalue().splitlines()[-2:] == [
        "      … 2 more of these  1.0 to 1.0 ms",
        "    ✓ measure  1.00 s",
    ]


def test_a_round_is_a_line(round_of: Callable[..., Round], capsys: pytest.CaptureFixture[str]) -> None:
    from pynomaly_itest.cli.loop import Told
    from pynomaly_itest.errors import ExitCode

    told = Told(quiet=False)
    told(round_of(1)._replace(pause_s=12.0))
    told(round_of(2, Verdict.FAILED))
    told.all(ExitCode.FAILED)
    lines = capsys.readouterr().out.splitlines()
    assert "round 1: ✓ passed in 3.0 s (exit 0)" in lines[0]
    assert lines[0].endswith("; next in 12 s")
    assert "round 2: ✗ failed in 3.0 s (exit 1)" in lines[1]
    assert lines[2] == "1 of 2 rounds passed (exit 1)"


def test_of_a_failed_scenario_what_could_not_be_judged_after_it_is_only_counted(
    round_of: Callable[..., Round], capsys: pytest.CaptureFixture[str]
) -> None:
    from pynomaly_itest.cli.summary import summarise

    ended = round_of(1, Verdict.FAILED).ended
    assert ended is not None
    run = ended.result
    failed, absent = result("health", Verdict.FAILED, p95=(9.0, "<=", 5.0)).gates[0], "has no value"
    later = failed.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": absent, "observed": None})
    run.scenarios[0].gates = [failed, later, later]
    summarise(run, [], ended.folder, ended.code, None, quiet=False)
    lines = capsys.readouterr().out.splitlines()
    assert "    observed 9 ms; limit 5 ms" in lines
    assert "  2 more could not be judged: see the report" in lines
    assert absent not in "\n".join(lines)
    assert any(line.startswith("    again: pynomaly-itest run -p smoke --scenario health") for line in lines)
    assert lines[-1] == f"report: {ended.folder / 'run.jsonl'}".replace("\n", "")


def test_scenarios_that_failed_for_one_cause_are_one_entry(
    round_of: Callable[..., Round], capsys: pytest.CaptureFixture[str]
) -> None:
    from pynomaly_itest.cli.summary import summarise

    ended = round_of(1, Verdict.FAILED).ended
    assert ended is not None
    run = ended.result
    run.scenarios = [result(f"s[n={n}]", Verdict.FAILED, p95=(float(n), "<=", 0.5)) for n in range(1, 37)]
    run.scenarios.append(result("other", Verdict.FAILED, recall=(0.1, ">=", 0.5)))
    summarise(run, [], ended.folder, ended.code, None, quiet=False)
    out = capsys.readouterr().out
    assert out.count("✗ failed: ") == 2
    assert "the same in 35 more scenarios: s[n=2], s[n=3]," in out
    assert "s[n=13] and 23 more" in out


def test_a_hole_that_does_not_fail_the_run_is_told_all_the_same(
    round_of: Callable[..., Round], capsys: pytest.CaptureFixture[str]
) -> None:
    from pynomaly_itest.cli.summary import summarise

    ended = round_of(1, Verdict.PASSED).ended
    assert ended is not None
    hole = FindingRecorded(
        at_s=1.0, scenario="health", id="INP-02", title="Bad JSON is refused", verdict=Verdict.FAILED,
        severity="medium", fingerprint="f", observed="no JSON: answered \x1b500",
    )  # fmt: skip
    waived = hole.model_copy(
        update={"id": "AUT-01", "severity": "high", "waived_by": "jo (until 2027-01-01)"}
    )
    safe = hole.model_copy(update={"id": "CFG-01", "verdict": Verdict.PASSED})
    counting = hole.model_copy(update={"id": "DAT-01", "severity": "critical"})
    ended.result.scenarios[0].findings = [hole, waived, safe, counting]
    summarise(ended.result, [], ended.folder, ended.code, None, quiet=False)
    shown = capsys.readouterr().out
    assert "found, and not held against the run (--fail-on high, waivers):" in shown
    assert "  medium INP-02 Bad JSON is refused: no JSON: answered ·500\n" in shown
    assert "waived by jo (until 2027-01-01)" in shown
    assert "CFG-01" not in shown
    assert "DAT-01" not in shown
    ended.result.scenarios[0].findings = [safe]
    summarise(ended.result, [], ended.folder, ended.code, None, quiet=False)
    assert "not held against" not in capsys.readouterr().out


def test_an_error_that_quotes_a_target_can_not_speak_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pynomaly_itest.cli.app import _fail
    from pynomaly_itest.errors import TargetUnreachable

    with pytest.raises(SystemExit):
        _fail(TargetUnreachable("answered with \x1b[2J\x9b31m", hint="its last words:\n\x1b]0;x\x07"))
    assert capsys.readouterr().err.splitlines() == [
        "error: answered with ·[2J·31m",
        "  hint: its last words:",
        "·]0;x·",
    ]


def test_nothing_of_the_summary_can_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    from pynomaly_itest.cli.summary import summarise
    from pynomaly_itest.errors import ExitCode
    from pynomaly_itest.events import RunStarted, TargetInfo
    from pynomaly_itest.results import RunResult

    evil = "\x1b[2J\x9b31m"
    gate = GateJudged(
        at_s=1.0, scenario=evil, step=0, expression=evil, verdict=Verdict.FAILED, reason=evil, observed=evil,
        limit=evil, op="==", unit=evil, n=None, interval=None, confidence=None, where=evil, source_line=evil,
    )  # fmt: skip
    step = StepFinished(
        at_s=1.0, scenario=evil, index=1, phase="steps", kind=evil, title=evil, verdict=Verdict.FAILED, reason=evil,
        started_s=0.0, duration_s=1.0, where=evil, source_line=evil, values={}, exchange=None,
    )  # fmt: skip
    planned = PlannedScenario(id=evil, title=evil)
    scenario = ScenarioResult(
        planned, Verdict.FAILED, evil, 0.0, 1.0, finished=True, gates=[gate], steps=[step]
    )
    target = TargetInfo(kind="url", url="http://x")
    started = RunStarted(
        at_s=0.0, run_id="r", profile=evil, started_at="2026-01-01T00:00:00Z", tool_version="1", target=target, seed=1,
        plan=[planned],
    )  # fmt: skip
    run = RunResult(started, [scenario], target, 1.0, finished=True)
    summarise(run, [], Path("reports"), ExitCode.FAILED, None, quiet=False)
    shown = capsys.readouterr().out
    assert "·[2J·31m" in shown
    assert not set("\x1b\x9b\x07") & set(shown)


def test_a_mistake_stays_above_its_caret_on_a_narrow_screen() -> None:
    from pynomaly_itest.errors import Mistake, Place

    line = f"      - measure: {{step: {{predict: {'x' * 60}}}, iterations: 60}}"
    column = line.index("iterations") + 1
    mistake = Mistake(
        "unknown key", Place("mine.yaml", 18, column, 10), line, "known are: repeat, step, warmup"
    )
    for width in (40, 60, 80):
        shown = mistake.render(width).splitlines()
        assert max(map(len, shown)) <= width
        start = shown[4].index("^")
        assert shown[3][start : start + 10] == "iterations"
        assert shown[5] == "   = known are: repeat, step, warmup"
    assert line in mistake.render()


def test_a_reason_is_folded_between_words_on_a_terminal_and_whole_elsewhere() -> None:
    from pynomaly_itest.cli.summary import _folded

    reason = "    " + "word " * 30 + "end"
    terminal = RichConsole(width=60, file=io.StringIO(), force_terminal=True)
    folded = _folded(reason, terminal)
    assert all(len(line) <= 60 and line.startswith("    word") for line in folded)
    assert " ".join(line.strip() for line in folded) == reason.strip()
    assert _folded(reason, RichConsole(width=60, file=io.StringIO())) == [reason]


def test_the_table_names_the_part_of_a_gate_that_its_figures_are_of() -> None:
    one = result("a", p50=(4.0, "<=", 100.0))
    either = one.gates[0].model_copy(
        update={"expression": "p50 <= 3 ms or p95 <= 100 ms", "measured": "p95", "observed": 90.0}
    )
    one.gates = [either]
    assert printed([one])[1].split() == ["✓", "a", "1.5", "s", "p95", "90", "ms", "<=", "100", "ms"]
