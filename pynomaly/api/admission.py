"""Whom the platform takes on: overload's rules with its settings, its threads, its routes and its figures."""

from __future__ import annotations

import asyncio
import time

from pynomaly.api.detection import line_of
from pynomaly.api.metrics import Metrics
from pynomaly.api.off_loop import GENERAL, PARSING, SCORING, UPLOADS
from pynomaly.api.overload import Admission, Patience
from pynomaly.api.routes import is_exempt
from pynomaly.settings import Settings


def build_admission(settings: Settings, metrics: Metrics) -> Admission:
    """Admission as the settings say; what it refuses is counted in the metrics."""
    admission = Admission(
        Patience(settings.overload_target_s, settings.overload_interval_s),
        time.perf_counter,
        lambda delay_s, look: asyncio.get_running_loop().call_later(delay_s, look),
        lines=(GENERAL.line, SCORING.line, PARSING.line, UPLOADS.line),
        line_of=line_of,
        is_exempt=is_exempt,
        on_shed=lambda line: metrics.shed.labels(line).inc(),
    )
    metrics.watch(
        "pynomaly_overloaded",
        "Whether requests that would wait too long are refused.",
        lambda: admission.is_overloaded,
    )
    return admission
