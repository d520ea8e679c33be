"""Holds what was measured against what must hold: the one place where an expression becomes a verdict."""

from pynomaly_itest.gates.judging import Judged, judge_condition

__all__ = ["Judged", "judge_condition"]
