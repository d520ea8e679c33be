"""Which checks of a run were made: what was not looked at must show, as nobody can see it in what was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pynomaly_itest.events import FindingRecorded, PlannedCheck
from pynomaly_itest.verdicts import Verdict

SEVERITIES = ("critical", "high", "medium", "low", "info")
"""Worst first."""
_DECIDED = (Verdict.PASSED, Verdict.FAILED)


@dataclass(frozen=True)
class Check:
    """A planned check: whether it was made, else why not and what would make it possible."""

    id: str
    title: str
    severity: str
    is_made: bool
    reason: str = ""
    hint: str | None = None
    passed: bool = False


def checks_of(
    planned: Iterable[PlannedCheck], found: Sequence[FindingRecorded], otherwise: str
) -> list[Check]:
    """The checks of a scenario, in planned order; `otherwise`: why those were not made of which nothing is known."""
    known = {each.id: (each.title, each.severity) for each in planned}
    known |= {each.id: (each.title, each.severity) for each in found}
    return [_check(id_, *known[id_], [one for one in found if one.id == id_], otherwise) for id_ in known]


def _check(id_: str, title: str, severity: str, found: list[FindingRecorded], otherwise: str) -> Check:
    undecided = next((one for one in found if one.verdict not in _DECIDED), None)
    if found and undecided is None:
        passed = all(one.verdict is Verdict.PASSED for one in found)
        return Check(id_, title, severity, is_made=True, passed=passed)
    reason = otherwise if undecided is None else undecided.reason or "no reason given"
    return Check(
        id_, title, severity, is_made=False, reason=reason, hint=undecided.hint if undecided else None
    )


def is_required(check: Check, require: str | None) -> bool:
    """Whether a check is as bad as what must have been looked at; one of unknown severity is."""
    if require is None:
        return False
    if check.severity not in SEVERITIES or require not in SEVERITIES:
        return True
    return SEVERITIES.index(check.severity) <= SEVERITIES.index(require)


def in_words(checks: Sequence[Check]) -> str | None:
    """ "35 of 55 checks made; not made: 1 critical, 13 high"; None where all were made, or there are none."""
    left = [each for each in checks if not each.is_made]
    if not left:
        return None
    counts = Counter(each.severity for each in left)
    order = [*SEVERITIES, *sorted(counts.keys() - set(SEVERITIES))]
    shown = ", ".join(f"{counts[name]} {name}" for name in order if counts[name])
    return f"{len(checks) - len(left)} of {len(checks)} checks made; not made: {shown}"


def why_not(checks: Sequence[Check]) -> list[str]:
    """Each reason for which checks were not made, with the checks and what would make them possible; most first."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for each in checks:
        if not each.is_made:
            groups.setdefault((each.reason, each.hint), []).append(each.id)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [
        f"{', '.join(ids)}: {reason}" + (f" (to make them: {hint})" if hint else "")
        for (reason, hint), ids in ordered
    ]
