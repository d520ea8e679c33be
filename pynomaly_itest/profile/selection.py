"""Chooses scenarios: by tags (-m), by words (-k) and by id (--scenario)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from random import Random

from pynomaly_itest.errors import Mistake, NothingSelected, ProfileError, UsageError
from pynomaly_itest.profile.expression import And, Expression, Name, Node, Not, Or, parse
from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.profile.words import parse_words
from pynomaly_itest.registry import did_you_mean


def select(scenarios: Sequence[Scenario], overrides: Overrides) -> tuple[Scenario, ...]:
    """The scenarios that all of -m, -k and --scenario choose, shuffled if a seed says so.

    Raises UsageError for a wrong expression of tags or words, NothingSelected for an id that no scenario has and
    where none is left.
    """
    tags = parse_tags(overrides.tags) if overrides.tags and overrides.tags.strip() else None
    means = parse_words(overrides.words) if overrides.words and overrides.words.strip() else None
    _check_ids(scenarios, overrides.scenarios)
    asked_for = [_meant(scenarios, asked) for asked in overrides.scenarios]
    chosen = [
        scenario
        for scenario in scenarios
        if (tags is None or _holds(tags.ast, selectable_tags(scenario)))
        and (means is None or means(_text(scenario)))
        and (not overrides.scenarios or any(scenario.id in meant for meant in asked_for))
    ]
    if not chosen:
        raise NothingSelected("no scenario is selected", hint=_why_nothing(scenarios, tags, overrides))
    if overrides.shuffle_seed is not None:
        Random(overrides.shuffle_seed).shuffle(chosen)  # noqa: S311 - an order that can be repeated, no secret
    return tuple(chosen)


def parse_tags(text: str) -> Expression:
    """The expression of -m: tags with and, or, not and brackets. Raises UsageError."""
    try:
        expression = parse(text)
    except ProfileError as problem:
        wrong: Mistake = problem.mistakes[0]
        raise UsageError(f"-m {text!r}: {wrong.message}", hint=wrong.hint) from problem
    _only_tags(expression.ast, text)
    return expression


def selectable_tags(scenario: Scenario) -> frozenset[str]:
    """A scenario's own tags, and one for each thing it requires: `requires: [redis]` is `requires_redis`."""
    return frozenset((*scenario.tags, *(f"requires_{needed}" for needed in scenario.requires)))


def _meant(scenarios: Sequence[Scenario], asked: str) -> set[str]:
    """The ids that one --scenario means: the very id where there is one, also if a pattern could be read into it."""
    ids = {scenario.id for scenario in scenarios}
    return {asked} if asked in ids else {each for each in ids if is_called(each, asked)}


def is_called(identifier: str, asked: str) -> bool:
    """Whether --scenario means this one: its whole id, the id without its cell, or a pattern with * and ?."""
    without_cell = identifier.partition("[")[0]
    if asked in (identifier, without_cell):
        return True
    pattern = re.sub(r"[][]", lambda bracket: f"[{bracket[0]}]", asked)  # brackets belong to the id
    return fnmatchcase(identifier, pattern) or fnmatchcase(without_cell, pattern)


def _check_ids(scenarios: Sequence[Scenario], asked: Sequence[str]) -> None:
    """An id that nothing has must not make a run smaller in silence."""
    for one in asked:
        if not any(is_called(scenario.id, one) for scenario in scenarios):
            known = {name for scenario in scenarios for name in (scenario.id, scenario.id.partition("[")[0])}
            raise NothingSelected(f"there is no scenario {one!r}", hint=did_you_mean(one, known))


def _only_tags(node: Node, text: str) -> None:
    match node:
        case Name(parts) if len(parts) == 1:
            pass
        case And(terms) | Or(terms):
            for term in terms:
                _only_tags(term, text)
        case Not(term):
            _only_tags(term, text)
        case _:
            wrong = text[node.span.start : node.span.end]
            raise UsageError(f"-m {text!r}: {wrong!r} is not a tag", hint="join tags with and, or, not")


def _holds(node: Node, tags: frozenset[str]) -> bool:
    match node:
        case And(terms):
            return all(_holds(term, tags) for term in terms)
        case Or(terms):
            return any(_holds(term, tags) for term in terms)
        case Not(term):
            return not _holds(term, tags)
        case Name():
            return node.dotted in tags
        case _:
            raise AssertionError("parse_tags lets only tags through")


def _text(scenario: Scenario) -> str:
    return " ".join((scenario.id, scenario.title, *scenario.tags)).lower()


def _why_nothing(scenarios: Iterable[Scenario], tags: Expression | None, overrides: Overrides) -> str:
    known = sorted({tag for scenario in scenarios for tag in selectable_tags(scenario)})
    if tags is not None:
        asked = [node.dotted for node in _tag_names(tags.ast)]
        unknown = [name for name in asked if name not in known]
        if unknown:
            return f"no scenario has the tag {unknown[0]!r}; {did_you_mean(unknown[0], known)}"
        return "-m leaves none; tags are: " + ", ".join(known)
    if overrides.words:
        return "-k looks for its words in ids, titles and tags; they may be joined with and, or, not"
    return "the profile has none"


def _tag_names(node: Node) -> list[Name]:
    match node:
        case Name():
            return [node]
        case And(terms) | Or(terms):
            return [name for term in terms for name in _tag_names(term)]
        case Not(term):
            return _tag_names(term)
        case _:
            return []
