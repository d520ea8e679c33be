"""Reads the `service:` block: of the command line's file, else of the strongest profile that has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.expression import has_template
from pynomaly_itest.profile.finder import inside, is_there, shown
from pynomaly_itest.profile.layers import Layer
from pynomaly_itest.profile.model import ServiceSpec
from pynomaly_itest.profile.nodes import (
    MappingNode,
    ScalarNode,
    YamlNode,
    mapping_at,
    plain,
    scalars,
    text_at,
)
from pynomaly_itest.profile.source import Source
from pynomaly_itest.profile.validation import faults
from pynomaly_itest.profile.yaml_reader import read_yaml
from pynomaly_itest.registry import ADAPTERS, did_you_mean

KEY = "service"
ENVIRONMENT_LOOK_UP = re.compile(r"\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
"""The one look-up that the block takes: a variable of the environment, which is where secrets are."""


def read_service(layers: Sequence[Layer], file: Path | None, mistakes: list[Mistake]) -> ServiceSpec | None:
    """The block, checked by the model of its adapter; None where nothing says one, or it is no good."""
    if file is not None:
        if not is_there(file):
            mistakes.append(Mistake(f"--service: there is no file {file}"))
            return None
        return _of_file(file, mistakes)
    for layer in reversed(layers):
        node = layer.node.entries.get(KEY)
        if isinstance(node, MappingNode):
            return _spec(node, layer.node.key_source(KEY), layer.folder, mistakes)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return _named(node.value, node.source, layer, mistakes)
    return None


def _named(name: str, at: Source, layer: Layer, mistakes: list[Mistake]) -> ServiceSpec | None:
    path = inside(layer.folder, name)
    if path is None or not is_there(path):
        hint = "name it on the command line: --service FILE"
        mistakes.append(at.mistake(f"there is no file {name!r} beside the profile, or below it", hint))
        return None
    return _of_file(path, mistakes)


def _of_file(path: Path, mistakes: list[Mistake]) -> ServiceSpec | None:
    """A file holds the block itself, or has it below `service:`."""
    try:
        node = read_yaml(path, shown(path))
    except ProfileError as problem:
        mistakes.extend(problem.mistakes)
        return None
    node = mapping_at(node, KEY) or node
    if not isinstance(node, MappingNode):
        mistakes.append(node.source.mistake("a service is a mapping of keys to values", "adapter: mapping …"))
        return None
    return _spec(node, node.source, path.resolve().parent, mistakes)


def _spec(node: MappingNode, at: Source, folder: Path, mistakes: list[Mistake]) -> ServiceSpec | None:
    kind = text_at(node, "adapter")
    if not kind:
        mistakes.append(at.mistake("'adapter' is missing in the service", f"one of {', '.join(ADAPTERS)}"))
        return None
    if kind not in ADAPTERS:
        source = node.entries["adapter"].source
        mistakes.append(source.mistake(f"unknown adapter {kind!r}", did_you_mean(kind, ADAPTERS)))
        return None
    wrong = [*faults(ADAPTERS[kind], node, at, " in the service"), *_look_ups(node)]
    mistakes.extend(wrong)
    return ServiceSpec(kind, plain(node), str(folder), at)


def _look_ups(node: YamlNode) -> list[Mistake]:
    """A block looks up the environment and nothing else: it stands before every scenario."""
    return [
        scalar.source.mistake("a service looks up the environment only", "write ${{ env.NAME }}")
        for scalar in scalars(node)
        if has_template(scalar.value) and has_template(ENVIRONMENT_LOOK_UP.sub("", str(scalar.value)))
    ]
