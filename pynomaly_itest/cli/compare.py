"""`pynomaly-itest compare A B`: is B worse than A, by how much, and how sure is that?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.cli import flags, terms
from pynomaly_itest.errors import UsageError

if TYPE_CHECKING:
    from pynomaly_itest.comparison.subjects import Subject

_WHAT = "A URL, a run's folder, a wheel, a git ref, a folder with the platform, or bundled?setting=value."


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=_WHAT)],
    b: Annotated[str, typer.Argument(metavar="B", help="What is held against it; the same kinds.")],
    profile: terms.Workload = None,
    tags: flags.Tags = None,
    words: flags.Words = None,
    scenario: flags.Scenarios = None,
    set_: flags.Set = None,
    dataset: flags.Datasets = None,
    data_dir: flags.DataDir = None,
    metric: terms.Metrics = None,
    ignore: terms.Ignore = None,
    forbid: terms.Forbid = None,
    budget: terms.Budget = terms.DEFAULT_BUDGET,
    seconds: terms.Seconds = None,
    a_set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of A.")] = None,
    b_set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of B.")] = None,
    a_python: Annotated[str | None, typer.Option(help="A's interpreter, where not the tool's own.")] = None,
    b_python: Annotated[str | None, typer.Option(help="B's interpreter.")] = None,
    allow_stored_latency: Annotated[
        bool, typer.Option("--allow-stored-latency", help="Judge stored times of two runs; see the manual.")
    ] = False,
    user: flags.User = None,
    ca: flags.Ca = None,
    cert: flags.Cert = None,
    key: flags.Key = None,
    seed: flags.Seed = 42,
    authorisations: flags.AuthorisationsFile = None,
    out: flags.Out = Path("reports"),
    quiet: flags.Quiet = False,
) -> None:
    """Hold B against A: two builds or services are measured in turn, two runs by what they recorded.

    Builds are measured in pairs of fresh processes on the same core, and it stops as soon as it is clear. Exit codes:
    0 no metric is worse by what is forbidden, 1 worse, 4 not clear, 2 usage, 3 a side did not start.
    """
    from pynomaly_itest.cli.comparison_run import finish, measured
    from pynomaly_itest.comparison.subjects import RunSubject, check_apart, subject_of

    one = subject_of(a, settings=a_set or (), python=a_python)
    other = subject_of(b, settings=b_set or (), python=b_python)
    if isinstance(one, RunSubject) or isinstance(other, RunSubject):
        _compare_runs(one, other, allow_stored_latency=allow_stored_latency, out=out, quiet=quiet)
        return
    said = check_apart(one, other)
    from pynomaly_itest.cli.comparison_run import ComparisonRequest, kept
    from pynomaly_itest.cli.planning import make_plan

    plan = make_plan(
        profile or terms.DEFAULT_WORKLOAD,
        set_=set_ or (),
        datasets=dataset or (),
        data_dir=data_dir,
        tags=tags,
        words=words,
        scenarios=scenario or (),
    )
    agreed = terms.terms_of(
        budget=budget, seconds=seconds, seed=seed, metric=metric, ignore=ignore or (), forbid=forbid or ()
    )
    for subject in (one, other):
        _permitted(subject, authorisations)
    from pynomaly_itest.cli.targets import tls_of

    outcome = measured(ComparisonRequest((one, other), plan, agreed, user, quiet, tls_of(ca, cert, key)))
    outcome.notes += [f"{said}."] if said else []
    finish(kept(outcome, ["pynomaly-itest", *sys.argv[1:]]), out, "compare", quiet=quiet)


def _permitted(subject: Subject, authorisations: Path | None) -> None:
    """Asking as fast as it answers is a load: beyond this machine somebody must have permitted it."""
    from datetime import UTC, datetime

    from pynomaly_itest.comparison.subjects import UrlSubject
    from pynomaly_itest.probing.authorisation import permission_for
    from pynomaly_itest.transport.departures import is_ours

    if isinstance(subject, UrlSubject) and not is_ours(subject.url):
        reason = "a comparison asks it as fast as it answers"
        permission_for(subject.url, authorisations, datetime.now(UTC).date(), reason)


def _compare_runs(
    one: Subject, other: Subject, *, allow_stored_latency: bool, out: Path, quiet: bool
) -> None:
    from pynomaly_itest.cli.comparison_run import finish
    from pynomaly_itest.comparison.runs import compare_runs
    from pynomaly_itest.comparison.subjects import RunSubject

    if not isinstance(one, RunSubject) or not isinstance(other, RunSubject):
        raise UsageError(
            "a run that was made before can be held against another run only",
            hint="to measure anew, name builds or URLs; `run --baseline` holds a run against a saved one",
        )
    record = compare_runs(one.folder, other.folder, allow_stored_latency=allow_stored_latency)
    finish(record, out, "compare", quiet=quiet)
