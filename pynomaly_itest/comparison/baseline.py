"""A baseline: a run's figures under a name, with all that is needed to run it again.

Kept as `baselines/NAME.json`, to be committed beside the code. Its stored times are no evidence: where its build can
be started again, times are judged by measuring both anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pynomaly_itest.comparison.figures import Figure, figures_of
from pynomaly_itest.comparison.rows import KeptRows, rows_of
from pynomaly_itest.errors import UsageError
from pynomaly_itest.provenance import sign
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.registry import did_you_mean
from pynomaly_itest.results import RunResult

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COMMIT = re.compile(r"git ([0-9a-f]{7,40})")
_GIT = re.compile(r"git:[0-9a-f]{7,40}")


class Baseline(BaseModel):
    """What a run was and what it gave. again: the build as `compare` takes it; None: it can't be started again.

    workloads: of each scenario the fingerprint of all that it does and demands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    saved_at: str
    run_id: str
    profile: str
    seed: int
    command: str
    arguments: tuple[str, ...] = ()
    tool_version: str
    target: str
    version: str | None = None
    build: str | None = None
    again: str | None = None
    verdict: str
    environment: dict[str, str] = {}
    workloads: dict[str, str] = {}
    figures: tuple[Figure, ...] = ()
    rows: tuple[KeptRows, ...] = ()


def baseline_of(run: RunResult, name: str, *, saved_at: str, again: str | None = None) -> Baseline:
    """The baseline that a run makes. again: how to start its build, where the run itself can't tell."""
    started = run.started
    return Baseline(
        name=checked_name(name),
        saved_at=saved_at,
        run_id=started.run_id,
        profile=started.profile,
        seed=started.seed,
        command=started.reproduce,
        arguments=started.arguments,
        tool_version=started.tool_version,
        target=run.target.kind if run.target.kind != "url" else Redactor().text(run.target.url),
        version=run.target.version,
        build=run.target.build,
        again=again or again_of(run.target.build),
        verdict=run.verdict.value,
        environment=started.environment,
        workloads={scenario.id: scenario.planned.fingerprint for scenario in run.scenarios},
        figures=tuple(figures_of(run)),
        rows=tuple(rows_of(run)),
    )


def again_of(build: str | None) -> str | None:
    """The commit to start again; none where there were changes that no commit has."""
    found = _COMMIT.fullmatch(build or "")
    return f"git:{found[1]}" if found else None


def names_commit(again: str) -> bool:
    """Whether this is a commit of the repository that one stands in, rather than a folder or a wheel anywhere."""
    return _GIT.fullmatch(again) is not None


def checked_name(name: str) -> str:
    """A name that a file can have anywhere; raises UsageError for another."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be a baseline's name", hint="letters, digits, dots, dashes and underscores"
        )
    return name


def save(baseline: Baseline, folder: Path) -> Path:
    """Write it whole or not at all; raises UsageError where the folder can't be written."""
    path = folder / f"{baseline.name}.json"
    fresh = folder / f".{baseline.name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_text(baseline.model_dump_json(indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
        if baseline.again is not None and not names_commit(baseline.again):
            sign(path)
    except OSError as problem:
        raise UsageError(f"can't write the baseline {path}: {problem.strerror}") from problem
    return path


def saved(folder: Path) -> list[Path]:
    """The files of all baselines in `folder`, by name."""
    return sorted(path for path in folder.glob("*.json") if _NAME.fullmatch(path.stem))


def find(name_or_file: str, folder: Path) -> Path:
    """The file of a baseline that is named, or is a file; raises UsageError where there is none."""
    if "/" in name_or_file or name_or_file.endswith(".json"):
        path = Path(name_or_file)
        if not path.is_file():
            raise UsageError(f"there is no baseline file {name_or_file}")
        return path
    path = folder / f"{checked_name(name_or_file)}.json"
    if path.is_file():
        return path
    known = [each.stem for each in saved(folder)]
    hint = did_you_mean(name_or_file, known) or "`baseline save RUN NAME` makes one"
    raise UsageError(f"there is no baseline {name_or_file!r} in {folder}/", hint=hint)


def read(path: Path) -> Baseline:
    """The baseline in a file; raises UsageError where it is none."""
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise UsageError(f"can't read the baseline {path}: {problem.strerror}") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"{path} is no baseline of this version: {where}: {first['msg']}",
            hint="was it written by another version of the tool?",
        ) from problem
