"""Reads a profile's `datasets`: each checked by the model of its kind, files found in the folders allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pynomaly_itest.errors import Mistake, UsageError
from pynomaly_itest.profile.expression import has_template
from pynomaly_itest.profile.finder import inside, is_there
from pynomaly_itest.profile.layers import Layer
from pynomaly_itest.profile.model import DatasetSpec, Scenario
from pynomaly_itest.profile.nodes import MappingNode, ScalarNode, mapping_at, plain, scalars, text_at
from pynomaly_itest.profile.overrides import (
    Assignment,
    DatasetFile,
    Overrides,
    collect,
    parse_assignment,
    parse_dataset,
)
from pynomaly_itest.profile.source import Source
from pynomaly_itest.profile.validation import faults
from pynomaly_itest.registry import DATASETS, did_you_mean

FILE_KIND = "file"
_OF_EVERY_KIND = ("kind", "fixed")


@dataclass
class DatasetReader:
    """Reads the datasets of one profile; `data_folders` are looked in after the profile's own.

    A flag for a name that isn't here goes to `flag_mistakes`: another profile may know it. `named`: every
    dataset that was read, also with mistakes.
    """

    overrides: Overrides
    data_folders: Sequence[Path]
    mistakes: list[Mistake]
    flag_mistakes: list[Mistake]
    named: set[str] = field(default_factory=set)

    def read(self, layers: Sequence[Layer]) -> dict[str, DatasetSpec]:
        """Every dataset by name, the strongest layer's last."""
        found: dict[str, DatasetSpec] = {}
        changes = self._changes()
        files = self._files()
        asked = {"--set": set(changes), "--dataset": set(files)}
        for layer in layers:
            section = mapping_at(layer.node, "datasets")
            for name, node in section.entries.items() if section else ():
                if isinstance(node, MappingNode) and section:
                    self.named.add(name)
                    changed = self._changed(node, changes.get(name, ()))
                    spec = self._spec(name, changed, section.key_source(name), layer)
                    if spec is not None:
                        self._keep_fixed(found.get(name), spec)
                        found[name] = spec
                    elif name not in files:
                        found.pop(name, None)
        self._refuse_flags(asked, found)
        for name, file in files.items():
            if name in found:
                found[name] = _from_file(file, found[name].source)
        return found

    def _refuse_flags(self, asked: Mapping[str, set[str]], found: Mapping[str, DatasetSpec]) -> None:
        """A flag for a dataset that the profile doesn't have, or that must stay as it is."""
        open_names = [name for name, spec in found.items() if not spec.fixed]
        others = f"these can be replaced: {', '.join(open_names)}" if open_names else "none can be replaced"
        for flag, names in asked.items():
            for name in sorted(names):
                if name not in found and name not in self.named:
                    self._unknown(flag, name, found)
                elif name in found and found[name].fixed:
                    message = f"{flag}: dataset {name!r} is fixed: scenarios are written for its very rows"
                    self.mistakes.append(Mistake(message, hint=others))  # whatever other profiles have

    def _keep_fixed(self, before: DatasetSpec | None, spec: DatasetSpec) -> None:
        """A profile that extends another must not change what that one's scenarios are written for."""
        same = before is not None and (before.kind, before.config) == (spec.kind, spec.config)
        if before is not None and before.fixed and not same and spec.source is not None:
            where = f" ({before.source.place.file}:{before.source.place.line})" if before.source else ""
            message = f"dataset {spec.name!r} is fixed in the profile that this one extends{where}"
            self.mistakes.append(spec.source.mistake(message, "give yours another name"))

    def _spec(self, name: str, node: MappingNode, at: Source, layer: Layer) -> DatasetSpec | None:
        kind = text_at(node, "kind")
        if not kind:
            self.mistakes.append(
                at.mistake(f"dataset {name!r} must say its 'kind'", f"one of {', '.join(DATASETS)}")
            )
            return None
        if kind not in DATASETS:
            source = node.entries["kind"].source
            self.mistakes.append(
                source.mistake(f"unknown dataset kind {kind!r}", did_you_mean(kind, DATASETS))
            )
            return None
        config = MappingNode(
            {key: value for key, value in node.entries.items() if key not in _OF_EVERY_KIND},
            node.key_sources,
            node.source,
        )
        wrong = faults(DATASETS[kind], config, at, f" in dataset {name!r}")
        wrong += [
            scalar.source.mistake("a dataset looks nothing up", f"--set datasets.{name}.KEY=VALUE changes it")
            for scalar in scalars(config)
            if has_template(scalar.value)
        ]
        fixed = plain(node).get("fixed", False)
        if not isinstance(fixed, bool):
            wrong.append(node.entries["fixed"].source.mistake("'fixed' is true or false"))
        self.mistakes.extend(wrong)
        spec = DatasetSpec(name, kind, plain(config), str(layer.folder), at, fixed is True)
        if kind == FILE_KIND and not wrong:
            return self._find_file(spec, node.entries["path"].source, layer.folder)
        return spec

    def _find_file(self, spec: DatasetSpec, at: Source, folder: Path) -> DatasetSpec:
        """Make the path absolute where the file is there; one that isn't is told only if it is needed."""
        wanted = str(spec.config["path"])
        allowed = [
            path for root in (folder, *self.data_folders) if (path := inside(root, wanted)) is not None
        ]
        if not allowed:
            message = f"{wanted!r} leads out of the profile's folder"
            self.mistakes.append(
                at.mistake(message, f"name it on the command line: --dataset {spec.name}=FILE")
            )
        for path in allowed:
            if is_there(path):
                return replace(spec, config={**spec.config, "path": str(path)}, source=at)
        return replace(spec, source=at)

    def _changes(self) -> dict[str, tuple[Assignment, ...]]:
        """--set datasets.NAME.KEY=VALUE by name; texts that are wrong are told with the other settings."""
        found: dict[str, tuple[Assignment, ...]] = {}
        for text in self.overrides.set:
            try:
                assignment = parse_assignment(text)
            except UsageError:
                continue
            if assignment.path[0] == "datasets":
                name = assignment.path[1]
                found[name] = (*found.get(name, ()), assignment)
        return found

    def _files(self) -> dict[str, DatasetFile]:
        found = {}
        for text in self.overrides.datasets:
            try:
                file = parse_dataset(text)
            except UsageError as problem:
                collect(self.flag_mistakes, problem)
            else:
                found[file.name] = file
        return found

    @staticmethod
    def _changed(node: MappingNode, assignments: Sequence[Assignment]) -> MappingNode:
        entries, sources = dict(node.entries), dict(node.key_sources)
        for assignment in assignments:
            entries[assignment.path[2]] = assignment.node
            sources[assignment.path[2]] = assignment.node.source
        return MappingNode(entries, sources, node.source)

    def _unknown(self, flag: str, name: str, known: Mapping[str, DatasetSpec]) -> None:
        hint = did_you_mean(name, known)
        self.flag_mistakes.append(Mistake(f"{flag}: the profile has no dataset {name!r}", hint=hint))


def folder_datasets(folders: Sequence[Path]) -> dict[str, DatasetSpec]:
    """Every .npz of these folders as a dataset called like the file; earlier folders hide later ones."""
    found: dict[str, DatasetSpec] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.npz")) if folder.is_dir() else ():
            config = {"path": str(file.resolve())}
            found.setdefault(file.stem, DatasetSpec(file.stem, FILE_KIND, config, str(folder)))
    return found


def missing_file(spec: DatasetSpec) -> Mistake | None:
    """The mistake of a dataset whose file was found nowhere."""
    if spec.kind != FILE_KIND or Path(str(spec.config["path"])).is_absolute():
        return None
    message = f"there is no file {str(spec.config['path'])!r} for dataset {spec.name!r}"
    hint = f"looked in the profile's folder; --data-dir DIR or --dataset {spec.name}=FILE says where it is"
    return spec.source.mistake(message, hint) if spec.source else Mistake(message, hint=hint)


def _from_file(file: DatasetFile, source: Source | None) -> DatasetSpec:
    config = {"path": str(file.path)} | ({"label": file.label} if file.label else {})
    return DatasetSpec(file.name, FILE_KIND, config, str(file.path.parent), source)


def needed_by(scenarios: Iterable[Scenario], datasets: Mapping[str, DatasetSpec]) -> tuple[str, ...]:
    """The datasets that these scenarios speak of, as far as can be told before the run."""
    said: list[object] = []
    for scenario in scenarios:
        said += scalar_values(scenario.matrix)
        said += scalar_values(scenario.vars)
        for call in (*scenario.setup, *scenario.steps, *scenario.catch, *scenario.finally_):
            said += scalar_values(call.config)
    return tuple(used_datasets(datasets, said))


def used_datasets(names: Mapping[str, DatasetSpec], texts: Sequence[object]) -> list[str]:
    """The datasets whose names are among these values: what a scenario says or its matrix holds."""
    said = {text for text in texts if isinstance(text, str)}
    return [name for name in names if name in said]


def scalar_values(value: object) -> list[object]:
    """Every value in nested mappings and lists."""
    if isinstance(value, Mapping):
        return [found for item in value.values() for found in scalar_values(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in scalar_values(item)]
    return [value.value] if isinstance(value, ScalarNode) else [value]
