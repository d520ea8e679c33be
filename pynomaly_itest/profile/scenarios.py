"""Turns one scenario of a profile into the plan's scenarios: checked once, then one for each cell of its matrix."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.calls import StepList, StepReader
from pynomaly_itest.profile.conditions import ConditionReader
from pynomaly_itest.profile.expression import check_value, has_template, lookup_in, resolve, templates
from pynomaly_itest.profile.layers import Layer
from pynomaly_itest.profile.matrix import RESERVED, Cell, MatrixFault, cell_ids, cells
from pynomaly_itest.profile.model import Scenario, StepCall
from pynomaly_itest.profile.nodes import (
    MappingNode,
    items_at,
    mapping_at,
    plain,
    scalars,
    text_at,
    texts_at,
)
from pynomaly_itest.profile.scopes import Scope, scenario_scope, shape_of_value
from pynomaly_itest.profile.settings import Settings, Strengths, mapping_settings, section
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import STEPS, did_you_mean
from pynomaly_itest.shapes import Record

_MEASURING_TAGS = frozenset({"performance", "stress"})
_DATA_FILES = "data.files"


@dataclass(frozen=True)
class ScenarioDraft:
    """A scenario as it stands in a file."""

    node: MappingNode
    layer: Layer

    @property
    def id(self) -> str:
        return text_at(self.node, "id")

    @property
    def source(self) -> Source:
        """Where it stands: at its id, if it has one."""
        return self.node.entries["id"].source if "id" in self.node.entries else self.node.source


@dataclass
class ScenarioCompiler:
    """What all scenarios of a profile share. Mistakes are entered in `mistakes`."""

    strengths: Strengths
    lists: Mapping[str, StepList]
    datasets: Collection[str]
    mistakes: list[Mistake]
    data_files: tuple[str, ...] = ()

    def own_settings(self, draft: ScenarioDraft) -> Settings:
        """What the scenario itself says of benchmarks and variables."""
        return {
            key: setting
            for part in ("benchmarks", "vars")
            for key, setting in mapping_settings(mapping_at(draft.node, part), part, "scenario")
        }

    def compile(self, draft: ScenarioDraft) -> list[Scenario]:
        """The scenario in each of its cells."""
        own = self.own_settings(draft)
        self._check_benchmarks(own)
        effective = self.strengths.effective(own)
        benchmarks, variables = section(effective, "benchmarks"), section(effective, "vars")
        named = self._cells(draft, benchmarks, variables)
        found = list(named.values())
        scope = scenario_scope(benchmarks, variables, found)
        demands = (effective["confidence"].value, effective["min_samples"].value)
        known = self._known(draft, found, {"benchmarks": benchmarks, "vars": variables})
        reader = StepReader(self.lists, self.datasets, self.mistakes, *demands, known)
        parts = self._steps(draft, reader, scope)
        gate_scope = self._gate_scope(scope, draft, reader)
        gates = ConditionReader(self.mistakes, *demands).gates(items_at(draft.node, "gates"), gate_scope)
        tags, needs = texts_at(draft.node, "tags"), self._needs(draft, reader)
        alone = bool(_MEASURING_TAGS & set(tags)) or any(STEPS[kind].exclusive for kind in reader.kinds)
        if self.waits_for_data(draft):
            return []  # checked all the same
        return [
            Scenario(
                id=draft.id + name,
                title=self._title(draft, cell, benchmarks, variables),
                tags=tags,
                requires=texts_at(draft.node, "requires"),
                matrix=cell,
                benchmarks=benchmarks,
                vars=variables,
                steps=parts["steps"],
                gates=gates,
                source=draft.source,
                setup=parts["setup"],
                catch=parts["catch"],
                finally_=parts["finally"],
                timeout_s=reader.seconds(draft.node.entries.get("timeout")),
                target_settings=self._own_platform(draft.node),
                exclusive=alone or plain(draft.node).get("alone") is True,
                needs_platform="platform" in needs,
                needs=needs,
            )
            for name, cell in named.items()
        ]

    @staticmethod
    def _needs(draft: ScenarioDraft, reader: StepReader) -> tuple[str, ...]:
        """What a service must be able to do: what the steps need, and the platform where it is required."""
        is_platforms = reader.needs_platform or "platform" in texts_at(draft.node, "requires")
        return tuple(sorted(reader.needs | ({"platform"} if is_platforms else set())))

    @staticmethod
    def _known(
        draft: ScenarioDraft, found: Sequence[Cell], everywhere: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """The names with a value before the run, for each cell; a matrix that can't be read has none."""
        node = mapping_at(draft.node, "matrix")
        if node is not None and found == list(_unknown_cells(node).values()):
            return [everywhere]
        return [{**everywhere, "matrix": cell} for cell in found]

    def _title(
        self, draft: ScenarioDraft, cell: Cell, benchmarks: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> str:
        """A title may look up what is known before the run: `Detects with ${{ matrix.algorithm }}`."""
        title = text_at(draft.node, "title")
        if not has_template(title):
            return title
        values = {"matrix": cell, "benchmarks": benchmarks, "vars": variables}
        shapes = Record({name: shape_of_value(name, value) for name, value in values.items()})
        try:
            found = templates(title, draft.node.entries["title"].source)
        except ProfileError as problem:
            self.mistakes.extend(problem.mistakes)
            return title
        wrong = [mistake for one in found for mistake in check_value(one.expression, shapes)]
        self.mistakes.extend(wrong)
        return title if wrong else str(resolve(title, lookup_in(values)))

    def _steps(
        self, draft: ScenarioDraft, reader: StepReader, scope: Scope
    ) -> Mapping[str, tuple[StepCall, ...]]:
        """The four lists in the order of a run. `catch` and `finally` see all that may have been saved."""
        return {
            part: reader.read(draft.node.entries.get(part), draft.layer.folder, scope)
            for part in ("setup", "steps", "catch", "finally")
        }

    def _gate_scope(self, scope: Scope, draft: ScenarioDraft, reader: StepReader) -> Record:
        """Gates are judged before `catch` and `finally` run: what these save does not exist for them."""
        later = {
            text_at(item, "save") for part in ("catch", "finally") for item in items_at(draft.node, part)
        }
        return Record({name: shape for name, shape in scope.record().fields.items() if name not in later})

    def _check_benchmarks(self, own: Settings) -> None:
        """A mistyped benchmark would leave the weaker limit in force: a pass that nobody asked for."""
        for key, setting in own.items():
            name = key.partition(".")[2]
            if key.startswith("benchmarks.") and key not in self.strengths.weak and setting.source:
                hint = did_you_mean(name, section(self.strengths.weak, "benchmarks"))
                self.mistakes.append(setting.source.mistake(f"unknown benchmark {name!r}", hint))

    def _cells(
        self, draft: ScenarioDraft, benchmarks: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> dict[str, Cell]:
        """The cells of the scenario's matrix, by what each puts behind its id."""
        node = mapping_at(draft.node, "matrix")
        if node is None:
            return {"": {}}
        if self.waits_for_data(draft):
            return _unknown_cells(node)
        known = {"benchmarks": benchmarks, "vars": variables, "data": {"files": list(self.data_files)}}
        try:
            matrix = self._resolved_matrix(node, known)
            found = cells(matrix)
            ids = cell_ids(matrix, found)
        except ProfileError as problem:
            self.mistakes.extend(problem.mistakes)
            return _unknown_cells(node)
        except MatrixFault as problem:
            at = node.key_source(problem.key) if problem.key else draft.node.key_source("matrix")
            self.mistakes.append(at.mistake(str(problem), problem.hint))
            return _unknown_cells(node)
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            at = draft.node.key_source("matrix")
            self.mistakes.append(at.mistake(f"two cells of the matrix are called {twice!r}"))
        return dict(zip(ids, found, strict=True))

    def _own_platform(self, node: MappingNode) -> Mapping[str, Any] | None:
        """The settings of the platform that the scenario wants for itself; None where it wants none.

        The environment and the command line are stronger, as everywhere.
        """
        target = mapping_at(node, "target")
        if target is None:
            return None
        settings = mapping_at(target, "settings")
        said = {} if settings is None else dict(plain(settings))
        return {**said, **section(self.strengths.forced, "target.settings")}

    def waits_for_data(self, draft: ScenarioDraft) -> bool:
        """Whether its matrix is made of the files of --data-dir, and there are none: then it has no cell."""
        node = mapping_at(draft.node, "matrix")
        said = [str(scalar.value) for scalar in scalars(node)] if node is not None else []
        return not self.data_files and any(has_template(text) and _DATA_FILES in text for text in said)

    def _resolved_matrix(self, node: MappingNode, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """A matrix may take its lists from `vars`, so that --set can change them. Raises ProfileError."""
        if not has_template(plain(node)):
            return dict(plain(node))
        scope = Record({name: shape_of_value(name, value) for name, value in values.items()})
        wrong = [
            mistake
            for scalar in scalars(node)
            if has_template(scalar.value)
            for template in templates(str(scalar.value), scalar.source)
            for mistake in check_value(template.expression, scope)
        ]
        if wrong:
            raise ProfileError(wrong)
        return dict(resolve(plain(node), lookup_in(values)))


def _unknown_cells(node: MappingNode) -> dict[str, Cell]:
    """One cell that stands for those of a matrix that can't be read: its names are known all the same."""
    return {"": dict.fromkeys(name for name in node.entries if name not in RESERVED)}
