"""What the shell offers behind a flag: names of profiles, scenarios, tags, probes. A completion never says an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pynomaly_itest.profile.model import Scenario

Offers = list[tuple[str, str]]
"""Each name with its description."""


def profiles(incomplete: str) -> Offers:
    """The profiles that can be named."""
    from pynomaly_itest.profile.finder import profile_folders

    return _beginning_with(incomplete, ((name, "") for name in profile_folders().available()))


def scenarios(ctx: typer.Context, incomplete: str) -> Offers:
    """The scenarios of the profiles said so far, or of all."""
    return _beginning_with(incomplete, ((each.id, each.title) for each in _scenarios_of(ctx)))


def tags(ctx: typer.Context, incomplete: str) -> Offers:
    """The tags of those scenarios: the last word of an expression is completed."""
    before, _, word = incomplete.rpartition(" ")
    kept = f"{before} " if before else ""
    known = sorted({tag for each in _scenarios_of(ctx) for tag in each.tags})
    return [(kept + tag, "") for tag in known if tag.startswith(word)]


def some_probes(incomplete: str) -> Offers:
    """Probes by id, and their families."""
    from pynomaly_itest.registry import PROBES

    families = dict.fromkeys(kind.family() for _, kind in PROBES.items())
    named = [*((family, f"all of {family}") for family in families)]
    return _beginning_with(incomplete, [*named, *((name, kind.title) for name, kind in PROBES.items())])


def _scenarios_of(ctx: typer.Context) -> Iterator[Scenario]:
    from pynomaly_itest.errors import ItestError
    from pynomaly_itest.profile.finder import profile_folders
    from pynomaly_itest.profile.loader import load

    for name in ctx.params.get("profile") or profile_folders().available():
        with suppress(ItestError):
            yield from load([name]).scenarios


def _beginning_with(incomplete: str, offers: Iterable[tuple[str, str]]) -> Offers:
    return [(name, about) for name, about in offers if name.startswith(incomplete)]
