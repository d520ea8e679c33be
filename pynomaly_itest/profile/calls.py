"""Reads lists of steps into typed calls, checking each against its kind and the names that exist by then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.conditions import ConditionReader
from pynomaly_itest.profile.configs import as_mapping, nested_steps, plain_config, raw_kind, with_known
from pynomaly_itest.profile.expression import check_value, has_template, parse_quantity, templates
from pynomaly_itest.profile.file import StepOptions
from pynomaly_itest.profile.finder import inside, is_file_name, shown
from pynomaly_itest.profile.model import StepCall
from pynomaly_itest.profile.nodes import (
    ListNode,
    MappingNode,
    ScalarNode,
    YamlNode,
    items_at,
    plain,
    scalars,
    text_at,
)
from pynomaly_itest.profile.scopes import Scope
from pynomaly_itest.profile.source import Source
from pynomaly_itest.profile.validation import faults
from pynomaly_itest.profile.yaml_reader import read_yaml
from pynomaly_itest.registry import STEPS, did_you_mean
from pynomaly_itest.shapes import ANYTHING, Shape

_OPTIONS = ("title", "save", "expect", "timeout", "as")
_DEEPEST_INCLUDE = 10


@dataclass(frozen=True)
class StepList:
    """A list of steps that can be included, and the folder that its own includes start from."""

    node: YamlNode
    folder: Path


@dataclass
class StepReader:
    """Reads the step lists of one scenario; `kinds` collects every kind that is used, nested ones too.

    known: for each cell of the scenario's matrix, the values of the names that have one before the run.
    """

    lists: Mapping[str, StepList]
    datasets: Collection[str]
    mistakes: list[Mistake]
    confidence: float | None = None
    min_samples: int | None = None
    known: Sequence[Mapping[str, Any]] = ()
    kinds: set[str] = field(default_factory=set)
    needs_platform: bool = False
    needs: set[str] = field(default_factory=set)

    def read(self, node: YamlNode | None, folder: Path, scope: Scope) -> tuple[StepCall, ...]:
        """The calls of a list, in order; each step's result is in `scope` for those behind it."""
        return tuple(self._calls(node, folder, scope, ()))

    def _calls(
        self, node: YamlNode | None, folder: Path, scope: Scope, including: tuple[str, ...]
    ) -> Iterator[StepCall]:
        for item in node.items if isinstance(node, ListNode) else ():
            if not isinstance(item, MappingNode):
                self._note(
                    item.source, "a step is a mapping of its kind to its config", "write '- kind: {…}'"
                )
            elif "include" in item.entries:
                yield from self._included(item, folder, scope, including)
            else:
                call = self._call(item, scope)
                if call is not None:
                    yield call

    # -- one step

    def _call(self, item: MappingNode, scope: Scope) -> StepCall | None:
        kind = self._kind(item)
        if kind is None:
            self._forgive(item, scope)
            return None
        at = item.key_source(kind)
        options = MappingNode(
            {key: value for key, value in item.entries.items() if key in _OPTIONS},
            item.key_sources,
            item.source,
        )
        wrong = faults(StepOptions, options, at, " in a step")
        self.mistakes.extend(wrong)
        shape = self._config(kind, item.entries[kind], at, scope)
        conditions = ConditionReader(self.mistakes, self.confidence, self.min_samples)
        expect = conditions.expectations(items_at(item, "expect"), scope.record(shape))
        save = text_at(item, "save") or None
        if save and not any(mistake.place == item.key_source("save").place for mistake in wrong):
            self._save(save, shape, item.entries["save"].source, scope)
        return StepCall(
            kind=kind,
            config=plain_config(kind, item.entries[kind]),
            source=at,
            title=self._title(item),
            save=save,
            expect=expect,
            timeout_s=self.seconds(item.entries.get("timeout")),
            actor=self._actor(item, scope),
        )

    def _actor(self, item: MappingNode, scope: Scope) -> str | None:
        """Who takes the step; nobody whom no step before has made."""
        name = text_at(item, "as") or None
        if name is not None and name not in scope.saved:
            source = item.entries["as"].source
            self._note(source, f"unknown actor {name!r}", did_you_mean(name, scope.saved))
        return name

    def _kind(self, item: MappingNode) -> str | None:
        """The one key that is no option; everything else about it is told here."""
        keys = [key for key in item.entries if key not in _OPTIONS]
        known = [key for key in keys if key in STEPS]
        if not keys:
            self._note(item.source, "a step must say its kind", "'list steps' shows them all")
            return None
        if len(known) > 1:
            self._note(item.key_source(known[1]), f"a step has one kind: here are {' and '.join(known)}")
            return None
        for key in keys:
            if key not in known and known:
                hint = did_you_mean(key, _OPTIONS)
                self._note(
                    item.key_source(key), f"unknown key {key!r} in a step", f"{hint}; its config is indented"
                )
        if not known:
            self._note(item.key_source(keys[0]), f"unknown step {keys[0]!r}", did_you_mean(keys[0], STEPS))
            return None
        return known[0]

    def _forgive(self, item: MappingNode, scope: Scope) -> None:
        """What an unreadable step would save exists all the same: one mistake is told once."""
        save = text_at(item, "save")
        if save:
            scope.save(save, ANYTHING, item.entries["save"].source)

    def _save(self, name: str, shape: Shape, source: Source, scope: Scope) -> None:
        wrong = scope.save(name, shape, source)
        if wrong is not None:
            self._note(source, wrong, "choose another name")

    # -- its config

    def _config(self, kind: str, node: YamlNode, at: Source, scope: Scope | None) -> Shape:
        """Check a config and tell what the step's result will look like.

        Without a scope the config is part of another one, whose look-ups are checked as a whole.
        """
        self.kinds.add(kind)
        model = STEPS[kind]
        config = as_mapping(kind, node)
        if config is None:
            self._note(at, f"the config of step {kind!r} must be a mapping of keys to values")
            return ANYTHING
        wrong = faults(model, config, at, f" in step {kind!r}")
        before = len(self.mistakes)
        self.mistakes.extend(wrong)
        for inner in nested_steps(kind, config):
            self._check_nested(inner, kind)
        written_well = len(self.mistakes) == before
        if scope is not None:
            self._check_templates(config, scope)
        self._check_datasets(kind, config)
        if len(self.mistakes) == before:
            self._check_known(kind, config, at)
        self.needs |= set(model.needs(plain(config)))
        self.needs_platform |= model.needs_platform
        if model.speaks_platform(plain_config(kind, config), Path(at.place.file).parent):
            self.needs.add("platform")
            self.needs_platform = True
        return model.shape(plain_config(kind, config)) if written_well else ANYTHING

    def _check_known(self, kind: str, config: MappingNode, at: Source) -> None:
        """Check the config as it will be in each cell: what it looks up of `vars`, benchmarks and matrix is known."""
        seen: list[Any] = [plain(config)]
        for values in self.known if has_template(seen[0]) else ():
            node = with_known(config, values)
            if not isinstance(node, MappingNode) or plain(node) in seen:
                continue
            seen.append(plain(node))
            before = len(self.mistakes)
            self.mistakes.extend(faults(STEPS[kind], node, at, f" in step {kind!r}"))
            self._check_datasets(kind, node)
            if len(self.mistakes) > before:
                return  # the other cells have the same, or it is told once this one is mended

    def _check_templates(self, config: MappingNode, scope: Scope) -> None:
        for scalar in scalars(config):
            if not has_template(scalar.value):
                continue
            try:
                for template in templates(str(scalar.value), scalar.source):
                    self.mistakes.extend(check_value(template.expression, scope.record()))
            except ProfileError as problem:
                self.mistakes.extend(problem.mistakes)

    def _check_datasets(self, kind: str, config: MappingNode) -> None:
        for name in STEPS[kind].dataset_fields:
            node = config.entries.get(name)
            for scalar in scalars(node) if node is not None else ():
                dataset = scalar.value
                if isinstance(dataset, str) and not has_template(dataset) and dataset not in self.datasets:
                    hint = did_you_mean(dataset, self.datasets)
                    self._note(scalar.source, f"unknown dataset {dataset!r}", hint)

    def _check_nested(self, node: YamlNode, outer: str) -> None:
        """A step inside a step: a mapping of one kind to its config, or the config of a kind that goes unsaid."""
        if isinstance(node, ScalarNode) and has_template(node.value):
            self._note(node.source, f"the step in {outer!r} must be written out, not looked up")
        if not isinstance(node, MappingNode):
            return  # of a wrong type: the outer model tells it
        raw = raw_kind(outer, node)
        if raw is not None:
            self._config(raw, node, node.source, None)
            return
        if not node.entries:
            self._note(node.source, f"a step is missing in {outer!r}", "write {kind: {…}}")
        for kind, config in node.entries.items():
            at = node.key_source(kind)
            if kind not in STEPS:
                self._note(at, f"unknown step {kind!r} in {outer!r}", did_you_mean(kind, STEPS))
            elif len(node.entries) > 1:
                self._note(at, f"{outer!r} takes one kind and its config here")
            else:
                self._config(kind, config, at, None)

    # -- includes

    def _included(
        self, item: MappingNode, folder: Path, scope: Scope, including: tuple[str, ...]
    ) -> Iterator[StepCall]:
        at = item.key_source("include")
        for key in item.entries:
            if key != "include":
                self._note(item.key_source(key), f"unknown key {key!r} beside 'include'")
        name = text_at(item, "include")
        if not name:
            self._note(at, "'include' takes the name of a step list, or a file")
        elif name in including or len(including) >= _DEEPEST_INCLUDE:
            self._note(at, f"the step lists include each other: {' -> '.join((*including, name))}")
        else:
            found = self._step_list(name, item.entries["include"].source, folder)
            if found is not None and isinstance(found.node, ListNode) and not found.node.items:
                self._note(item.entries["include"].source, f"{name!r} holds no step: nothing would run")
            elif found is not None:
                yield from self._calls(found.node, found.folder, scope, (*including, name))

    def _step_list(self, name: str, source: Source, folder: Path) -> StepList | None:
        if not is_file_name(name):
            if name not in self.lists:
                self._note(source, f"unknown step list {name!r}", did_you_mean(name, self.lists))
            return self.lists.get(name)
        path = inside(folder, name)
        if path is None:
            self._note(source, f"{name!r} leads out of the profile's folder")
            return None
        try:
            node = read_yaml(path, shown(path))
        except ProfileError as problem:
            self.mistakes.extend(problem.mistakes)
            return None
        if not isinstance(node, ListNode):
            self._note(node.source, "an included file is a list of steps")
            return None
        return StepList(node, path.parent)

    # -- small things

    def _title(self, item: MappingNode) -> str:
        title = text_at(item, "title")
        if has_template(title):
            self._note(item.entries["title"].source, "a step's title looks nothing up", "a scenario's does")
        return title

    def seconds(self, node: YamlNode | None) -> float | None:
        """A time limit: a number of seconds, or with its unit."""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str | int | float):
            return None
        try:
            limit_s = parse_quantity(node.value, "s")
        except ValueError as problem:
            self._note(node.source, str(problem), "a time limit is 20s, 5min or a number of seconds")
            return None
        if limit_s <= 0:
            self._note(node.source, "a time limit must be more than 0")
        return limit_s

    def _note(self, source: Source, message: str, hint: str | None = None) -> None:
        self.mistakes.append(source.mistake(message, hint))
