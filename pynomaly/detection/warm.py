"""Loads every compiled kernel before the first request, so that no request ever waits for the compiler."""

from __future__ import annotations

import importlib
import pkgutil

from pynomaly.detection import kernels


def warm_up() -> None:
    """Import all kernels: compiled on the first call after an installation (a minute at most), from the disk cache
    (tenths of a second) ever after. A server calls it at start; building or loading a model needs it too."""
    for module in pkgutil.iter_modules(kernels.__path__):
        importlib.import_module(f"{kernels.__name__}.{module.name}")


if __name__ == "__main__":  # `python -m pynomaly.detection.warm`: compile and cache, and be gone
    warm_up()
