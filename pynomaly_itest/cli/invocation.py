"""A run's flags as the log keeps them, so that it can be run again: without secrets, and without what was default."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from pynomaly_itest.errors import UsageError
from pynomaly_itest.events import RunStarted, read_log
from pynomaly_itest.redaction import HIDDEN, Redactor

_NEVER_KEPT = frozenset(
    {"resume_from", "save_baseline", "every", "until_failure", "keep", "metrics_port", "no_color"}
)


def said(context: typer.Context) -> tuple[str, ...]:
    """The flags that differ from their defaults, as words of a command line; secrets in them are hidden."""
    hide = Redactor().text
    words: list[str] = []
    is_round = bool(context.params.get("every") or context.params.get("until_failure"))
    left_out = _NEVER_KEPT | ({"repeat"} if is_round else set())  # of a loop, one round is kept
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in left_out or value is None or value == parameter.get_default(context):
            continue
        flag = max(parameter.opts, key=len)
        if isinstance(value, bool):
            words += [flag] if value else []
        elif isinstance(value, list | tuple):
            words += [word for each in value for word in (flag, hide(str(each)))]
        else:
            words += [flag, hide(str(value))]
    return tuple(words)


def started_of(folder: Path) -> RunStarted:
    """What the run was started with; raises UsageError where its log doesn't tell."""
    first = next(iter(read_log(folder / "run.jsonl")), None)
    if not isinstance(first, RunStarted):
        raise UsageError(f"the log of {folder} is empty: the run ended before it began")
    return first


def run_again(context: typer.Context, words: Sequence[str], *, exits: bool = True) -> Any:
    """Call the tool anew with these words, and exit with its code; where `exits` is False, return the code."""
    tool = context.find_root().command
    return tool.main(args=list(words), prog_name="pynomaly-itest", standalone_mode=exits)


def again(started: RunStarted, scenarios: Iterable[str] | None = None, more: Sequence[str] = ()) -> list[str]:
    """The words after `pynomaly-itest` that run it again, or only these scenarios of it.

    Raises UsageError for a log without flags, or where a flag held a secret, which the log does not keep.
    """
    if not started.arguments:
        raise UsageError("this run's log doesn't hold its flags", hint=f"it was: {started.reproduce}")
    hidden = [word for word in started.arguments if HIDDEN in word]
    if hidden:
        raise UsageError(
            f"a flag of that run held a secret, which is not kept: {hidden[0]}",
            hint="give it by environment, such as $PYNOMALY_TEST_DATABASE_URL, and run anew",
        )
    words = list(started.arguments)
    if scenarios is not None:
        words = without_flags(words, {"--scenario"})
        words += [word for scenario in scenarios for word in ("--scenario", scenario)]
    return ["run", *words, *more]


def without_flags(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """The words without these flags, and without what stands behind each."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in flags:
            skip = True
        else:
            kept.append(word)
    return kept


def without_number(scenario: str) -> str:
    """The id without the number that --repeat gave it."""
    name, mark, number = scenario.rpartition("#")
    return name if mark and number.isdigit() else scenario
