"""`validate --watch`: what is looked at, and when it is checked again."""

from __future__ import annotations

from pathlib import Path

from pynomaly_itest.cli.validate import Snapshot, keep_checking, snapshot
from pynomaly_itest.errors import ExitCode


def test_it_is_checked_once_and_then_on_every_change() -> None:
    mine = Path("mine.yaml")
    states: list[Snapshot] = [{mine: (1, 1)}] * 3 + [{mine: (2, 1)}] * 3 + [{}] * 2
    codes = [ExitCode.PASSED, ExitCode.USAGE, ExitCode.PASSED]
    checked: list[ExitCode] = []

    def check() -> ExitCode:
        checked.append(codes[len(checked)])
        return checked[-1]

    seen = iter(states)
    current: Snapshot = {}

    def look() -> Snapshot:
        nonlocal current
        current = next(seen, current)
        return current

    waits = iter([False] * 4 + [True])
    assert keep_checking(check, look, lambda _: next(waits)) is ExitCode.PASSED
    assert checked == codes


def test_what_lies_beside_a_profile_is_looked_at_too(tmp_path: Path) -> None:
    profile, steps, workflow = (tmp_path / name for name in ("a.yaml", "steps.yml", "workflows.py"))
    for path in (profile, steps, workflow, tmp_path / "data.bin"):
        path.write_text("x")
    before = snapshot([str(profile)])
    assert set(before) == {profile, steps, workflow}
    workflow.write_text("longer")
    assert snapshot([str(profile)]) != before
    profile.unlink()
    assert profile not in snapshot([str(profile)])
    assert snapshot(["nothing-is-called-so"]) == {}
