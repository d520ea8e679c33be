"""Finds every algorithm: a module in `algorithms/` with a SPEC is one, and nothing else has to be told."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
import re
from collections.abc import Mapping
from types import MappingProxyType

from pynomaly.detection import algorithms as folder
from pynomaly.detection.algorithm import AlgorithmSpec
from pynomaly.domain.errors import UnknownAlgorithm


def algorithms() -> list[AlgorithmSpec]:
    """Every algorithm, by name. Cheap: neither PyOD nor numba is imported."""
    return list(_found().values())


def resolve(name: str) -> AlgorithmSpec:
    """The algorithm of this name, platform name or alias, however it is cased ('LOF', 'IsolationForest',
    'isolation_forest'); raises UnknownAlgorithm with the nearest name."""
    spec = _by_key().get(_key(name))
    if spec is None:
        raise _unknown(name)
    return spec


@functools.cache
def _found() -> Mapping[str, AlgorithmSpec]:
    specs: dict[str, AlgorithmSpec] = {}
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda found: found.name):
        spec = importlib.import_module(f"{folder.__name__}.{module.name}").SPEC
        if not isinstance(spec, AlgorithmSpec) or spec.name != module.name:
            raise TypeError(f"{module.name}.py must define SPEC, an AlgorithmSpec named '{module.name}'")
        specs[spec.name] = spec
    return MappingProxyType(specs)


@functools.cache
def _by_key() -> Mapping[str, AlgorithmSpec]:
    keys: dict[str, AlgorithmSpec] = {}
    for spec in _found().values():
        for name in {_key(each) for each in (spec.name, spec.platform_name, *spec.aliases)}:
            if name in keys:
                raise TypeError(f"'{name}' names both {keys[name].name} and {spec.name}")
            keys[name] = spec
    return MappingProxyType(keys)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unknown(name: str) -> UnknownAlgorithm:
    near = difflib.get_close_matches(_key(name), list(_by_key()), n=1)
    hint = (
        f"did you mean '{_by_key()[near[0]].name}'?"
        if near
        else f"there are: {', '.join(spec.name for spec in algorithms())}"
    )
    return UnknownAlgorithm(f"no algorithm is called '{name[:60]}'", hint=hint)
