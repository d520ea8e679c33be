"""Workflow commands that put the worst of a run as annotations on GitHub's pages: one line each, nothing in them
can end it or begin another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pynomaly_itest.report.attention import Concern, causes
from pynomaly_itest.report.document import RunDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.report.untrusted import clean, one_line
from pynomaly_itest.verdicts import Verdict

MOST_ANNOTATIONS = 10
"""GitHub shows no more than ten of a kind from a step."""

_LONGEST_MESSAGE = 2_000
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[1-9]\d*)(?::\d+)?")
_IN_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_DATA, ":": "%3A", ",": "%2C"}


def workflow_commands(run: RunDocument, folder: str = "") -> list[str]:
    """The ten worst concerns as `::error …` and `::warning …`; `folder`: where the run was started, below the
    checkout's root."""
    return list(_annotations(run, folder))


def _annotations(run: RunDocument, folder: str) -> Iterator[str]:
    for concern in causes(run)[:MOST_ANNOTATIONS]:
        properties = {**_place(concern, folder), "title": one_line(_title(concern), 200)}
        said = ",".join(f"{name}={_escaped(value, _IN_PROPERTY)}" for name, value in properties.items())
        kind = "warning" if concern.verdict is Verdict.INCONCLUSIVE else "error"
        text = clean("\n".join(concern_lines(concern)))[:_LONGEST_MESSAGE]
        yield f"::{kind} {said}::{_escaped(text, _IN_DATA)}"


def _title(concern: Concern) -> str:
    if concern.scenario is None or concern.headline == concern.scenario.id:
        return f"{concern.verdict.value}: {concern.headline}"
    return f"{concern.verdict.value} in {concern.scenario.id}: {concern.headline}"


def _place(concern: Concern, folder: str) -> dict[str, str]:
    """File and line below the checkout's root; nothing for a profile that isn't there."""
    match = _PLACE.fullmatch(concern.where)
    if match is None or match["file"].startswith("/") or ".." in PurePosixPath(match["file"]).parts:
        return {}
    return {"file": str(PurePosixPath(folder) / match["file"]), "line": match["line"]}


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return text.translate({ord(char): written for char, written in table.items()})
