"""Reads a profile and all that it extends, weakest first."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.expression import has_template
from pynomaly_itest.profile.file import ProfileFile
from pynomaly_itest.profile.finder import ProfileFolders, inside, is_file_name, is_there, shown
from pynomaly_itest.profile.nodes import MappingNode, ScalarNode, YamlNode, items_at, mapping_at, scalars
from pynomaly_itest.profile.python_scenarios import with_python_scenarios
from pynomaly_itest.profile.source import Source
from pynomaly_itest.profile.validation import faults
from pynomaly_itest.profile.yaml_reader import read_yaml
from pynomaly_itest.registry import did_you_mean


@dataclass(frozen=True)
class Layer:
    """One profile file: its text as nodes, and the folder that its paths start from."""

    path: Path
    shown: str
    node: MappingNode

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass
class LayerReader:
    """Reads files into layers; what is wrong with them is entered in `mistakes`."""

    folders: ProfileFolders
    mistakes: list[Mistake]
    layers: dict[Path, Layer] = field(default_factory=dict)

    def read(self, path: Path) -> list[Layer]:
        """The file's layer, after those it extends; each file is read once."""
        self.layers = {}
        self._read(path, (), None)
        return list(self.layers.values())

    def _read(self, path: Path, chain: tuple[Path, ...], asked: Source | None) -> None:
        real = Path(os.path.realpath(path))
        if real in chain:
            names = " -> ".join(step.stem for step in (*chain[chain.index(real) :], real))
            self._note(asked, f"the profile extends itself: {names}")
            return
        if real in self.layers:
            return
        layer = self._layer(path)
        if layer is None:
            return
        for item in items_at(layer.node, "extends"):
            self._extend(item, layer, (*chain, real))
        self.layers[real] = layer

    def _layer(self, path: Path) -> Layer | None:
        try:
            node = read_yaml(path, shown(path))
        except ProfileError as problem:
            self.mistakes.extend(problem.mistakes)
            return None
        if not isinstance(node, MappingNode):
            self.mistakes.append(node.source.mistake("a profile is a mapping of keys to values"))
            return None
        node = with_python_scenarios(node, path.resolve().parent, self.mistakes)
        self.mistakes.extend(faults(ProfileFile, node, node.source))
        self._check_constants(node)
        return Layer(Path(os.path.realpath(path)), shown(path), node)

    def _check_constants(self, node: MappingNode) -> None:
        """Values that are looked up must not look up others: in what order would they be known?"""
        scenarios = (item for item in items_at(node, "scenarios") if isinstance(item, MappingNode))
        for part in (node, mapping_at(node, "quick"), *scenarios):
            variables = mapping_at(part, "vars")
            for scalar in scalars(variables) if variables else ():
                if has_template(scalar.value):
                    self._note(scalar.source, "a variable is a value: it looks nothing up")

    def _extend(self, item: YamlNode, layer: Layer, chain: tuple[Path, ...]) -> None:
        if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
            return  # the model has told it
        found = self._extended_file(item.value, item.source, layer)
        if found is not None:
            self._read(found, chain, item.source)

    def _extended_file(self, name: str, source: Source, layer: Layer) -> Path | None:
        """A file in the profile's own folder, else a profile that can be named; nothing outside these."""
        if is_file_name(name):
            path = inside(layer.folder, name)
            if path is None:
                self._note(
                    source, f"{name!r} leads out of the profile's folder", "extend by name, or move it"
                )
            elif not is_there(path):
                self._note(source, f"there is no file {name!r} beside the profile")
                return None
            return path
        named = [*self._beside(layer, name), *self.folders.all_named(name)]
        others = [path for path in named if os.path.realpath(path) != str(layer.path)]
        found = next(iter(others or named), None)  # `smoke` of one's own may extend the `smoke` that ships
        if found is None:
            known = {*self.folders.available(), *(file.stem for file in layer.folder.glob("*.y*ml"))}
            self._note(source, f"there is no profile {name!r} to extend", did_you_mean(name, known))
        return found

    @staticmethod
    def _beside(layer: Layer, name: str) -> list[Path]:
        files = (layer.folder / f"{name}.yaml", layer.folder / f"{name}.yml")
        return [file for file in files if is_there(file)]

    def _note(self, source: Source | None, message: str, hint: str | None = None) -> None:
        self.mistakes.append(source.mistake(message, hint) if source else Mistake(message, hint=hint))
