"""Detection: fitting is PyOD's and scikit-learn's, scoring is ours: a fitted model is arrays and a pure function."""

from __future__ import annotations

from pynomaly.detection.algorithm import AlgorithmSpec
from pynomaly.detection.model import FrozenModel
from pynomaly.detection.parameters import Parameter
from pynomaly.detection.registry import algorithms, resolve
from pynomaly.detection.store import dump_model, load_model, parse_model, save_model
from pynomaly.detection.warm import warm_up

__all__ = [
    "AlgorithmSpec",
    "FrozenModel",
    "Parameter",
    "algorithms",
    "dump_model",
    "load_model",
    "parse_model",
    "resolve",
    "save_model",
    "warm_up",
]
