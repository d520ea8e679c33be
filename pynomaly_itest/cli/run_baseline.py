"""`run --baseline` and `--save-baseline`: what the run is held against, and what is kept of it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynomaly_itest.cli.folders import BASELINES
from pynomaly_itest.cli.terms import DEFAULT_BUDGET, terms_of
from pynomaly_itest.errors import UsageError
from pynomaly_itest.provenance import why_foreign
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from pynomaly_itest.comparison.against import Against, Place, Remeasure
    from pynomaly_itest.comparison.baseline import Baseline
    from pynomaly_itest.comparison.outcome import Outcome, Terms
    from pynomaly_itest.comparison.subjects import BuildSubject
    from pynomaly_itest.datasets.base import Dataset
    from pynomaly_itest.profile.model import Plan
    from pynomaly_itest.redaction import Redactor
    from pynomaly_itest.results import RunResult

_LEAST_ASKING_S = 2.0
_ASKING_EACH_S = 0.5


@dataclass(frozen=True)
class BaselineFlags:
    """The flags as they were given. `against`: a name or a file; `keep_as`: a name."""

    against: str | None = None
    keep_as: str | None = None
    allow_stored_latency: bool = False
    budget: str = DEFAULT_BUDGET
    folder: Path = BASELINES

    def check(self) -> None:
        """Raises UsageError before anything is run."""
        from pynomaly_itest.comparison.baseline import checked_name

        if self.keep_as is not None:
            checked_name(self.keep_as)
        if self.allow_stored_latency and self.against is None:
            raise UsageError("--allow-stored-latency goes with --baseline")


def against_of(
    flags: BaselineFlags, plan: Plan, target: str, seed: int, files: Mapping[str, Dataset], redactor: Redactor
) -> Against | None:
    """What the run is held against; raises UsageError where there is no such baseline, or nothing in common."""
    if flags.against is None:
        return None
    from pynomaly_itest.comparison.against import Against
    from pynomaly_itest.comparison.baseline import find, read

    file = find(flags.against, flags.folder)
    baseline = read(file)
    if not {scenario.id for scenario in plan.scenarios} & {figure.scenario for figure in baseline.figures}:
        raise UsageError(
            f"the baseline {baseline.name!r} has no figure of the scenarios that are run",
            hint=f"it was made with profile {baseline.profile}",
        )
    build, why_not = _build_again(baseline, file, target)
    remeasure = None
    if build is not None and not flags.allow_stored_latency:
        remeasure = _remeasure(build, plan, _terms(flags, seed), files, redactor)
    return Against(baseline, flags.allow_stored_latency, remeasure, why_not)


def keep(flags: BaselineFlags, run: RunResult, say: Callable[[str], None]) -> None:
    """`--save-baseline`: keep a run that passed, and say so or why not."""
    if flags.keep_as is None:
        return
    if run.verdict is not Verdict.PASSED or not run.complete:
        say(f"not kept as baseline {flags.keep_as}: the run is {run.verdict}")
        return
    from pynomaly_itest.cli.baseline import now, summary
    from pynomaly_itest.comparison.baseline import baseline_of, save

    made = baseline_of(run, flags.keep_as, saved_at=now())
    say(f"baseline {save(made, flags.folder)}: {summary(made)}")


def _build_again(baseline: Baseline, file: Path, target: str) -> tuple[BuildSubject | None, str]:
    """The baseline's build to start, or why it can't be.

    A folder or a wheel is Python that would run: it is started only where this user wrote the baseline.
    """
    from pynomaly_itest.comparison.baseline import names_commit
    from pynomaly_itest.comparison.subjects import BuildSubject, subject_of
    from pynomaly_itest.target.launch import COMMAND_VARIABLE

    if target != "bundled" or os.environ.get(COMMAND_VARIABLE):
        return None, "the target's processes are not ours to start in pairs"
    if baseline.again is None:
        return None, f"the baseline's build ({baseline.build or 'unknown'}) can't be started again"
    if not names_commit(baseline.again) and (foreign := why_foreign(file)) is not None:
        return (
            None,
            f"the baseline names a build ({baseline.again[:100]!r}) and may be somebody else's: {foreign}",
        )
    try:
        subject = subject_of(baseline.again)
    except UsageError as problem:
        return None, f"the baseline's build can't be had: {problem.message}; is the clone a shallow one?"
    return (subject, "") if isinstance(subject, BuildSubject) else (None, "the baseline's build is none")


def _terms(flags: BaselineFlags, seed: int) -> Terms:
    return terms_of(budget=flags.budget, seconds=_LEAST_ASKING_S, seed=seed)


def _remeasure(
    build: BuildSubject, plan: Plan, terms: Terms, files: Mapping[str, Dataset], redactor: Redactor
) -> Remeasure:
    """Measures the baseline's build and the installed one in turn, with the profile's own requests."""

    async def remeasure(wanted: frozenset[Place], say: Callable[[str], None]) -> Outcome:
        import sys
        import tempfile

        from pynomaly_itest.comparison.builds import check_importable, installed
        from pynomaly_itest.comparison.live import LiveComparison
        from pynomaly_itest.comparison.metrics import Wanted
        from pynomaly_itest.comparison.sides import BuildSide
        from pynomaly_itest.comparison.subjects import BuildSubject
        from pynomaly_itest.comparison.workload import Preparation
        from pynomaly_itest.shelf import Shelf

        check_importable(build.build)
        scenarios = {place[0] for place in wanted}
        part = replace(plan, scenarios=tuple(each for each in plan.scenarios if each.id in scenarios))
        kinds = tuple(sorted({place[2] for place in wanted}))
        own = replace(
            terms,
            wanted=Wanted(kinds, only=wanted),
            asking_s=max(_LEAST_ASKING_S, _ASKING_EACH_S * len(wanted)),
        )
        settings: dict[str, Any] = dict(plan.target_settings)
        sides = (
            BuildSide(replace(build, settings={**settings, **build.settings}), redactor),
            BuildSide(BuildSubject(installed(sys.executable), settings), redactor),
        )
        with tempfile.TemporaryDirectory(prefix="pynomaly-baseline-") as folder:
            preparation = Preparation(
                part, Shelf(plan.datasets, files).take, Path(folder), terms.seed, uuid.uuid4().hex
            )
            preparation.scenarios()  # refuses before anything is started
            return await LiveComparison(sides, own, say).run(preparation)

    return remeasure
