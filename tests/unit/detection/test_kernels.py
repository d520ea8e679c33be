"""Kernels are compiled before they are called, and never for what a call brings."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import numpy as np
import pytest

from pynomaly.detection import kernels, warm_up
from pynomaly.detection.kernels import compiled, svm


def dispatchers() -> dict[str, Any]:
    warm_up()
    names = [module.name for module in pkgutil.iter_modules(kernels.__path__)]
    modules = [importlib.import_module(f"{kernels.__name__}.{name}") for name in names]
    prefixes = ("score_", "nearest_by", "knn_of", "lof_of", "abod_of")
    return {
        name: value for module in modules for name, value in vars(module).items() if name.startswith(prefixes)
    }


def test_every_kernel_is_compiled_for_one_signature_and_for_no_other() -> None:
    found = dispatchers()
    assert len(found) >= 13
    for kernel in found.values():
        assert len(kernel.signatures) == 1
        with pytest.raises(TypeError, match="No matching definition"):
            kernel(*[None] * len(kernel.signatures[0]))
        assert len(kernel.signatures) == 1


def test_without_a_cache_directory_kernels_are_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    really = numba.njit
    asked: list[bool] = []

    def without_cache(*args: Any, **options: Any) -> Any:
        asked.append(bool(options.get("cache")))
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'twice': no locator available")
        return really(*args, **options)

    monkeypatch.setattr(numba, "njit", without_cache)

    @compiled.compiled(compiled.FLOAT, returns=compiled.FLOAT)
    def twice(x: float) -> float:
        return 2 * x

    assert twice(2.5) == 5.0
    assert asked == [True, False]


def test_another_failure_of_the_compiler_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    def broken(*_args: Any, **_options: Any) -> Any:
        raise RuntimeError("out of registers")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="registers"):
        compiled.compiled(compiled.FLOAT, returns=compiled.FLOAT)(lambda x: x)


def test_the_exponential_is_exact_to_the_last_places() -> None:
    x = np.concatenate(
        [np.linspace(-708, 0, 5001), -np.logspace(-300, 2, 500), [-709.0, -1e300, -np.inf, 0.0]]
    )
    ours = np.array([svm.exponential(value) for value in x])
    expected = np.where(x >= -708, np.exp(x), 0.0)
    np.testing.assert_allclose(ours, expected, rtol=5e-16, atol=0)
