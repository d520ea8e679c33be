"""Load on an HTTP service: honest about what users waited for, and about itself.

`await run_load(LoadPlan(...))` is all there is to call; `await calibrate()` once before says what the generator
itself costs. Neither numpy nor uvloop is imported before a load runs.
"""

from typing import TYPE_CHECKING, Any

from pynomaly_itest.load.executors import (
    EXECUTORS,
    ConstantArrivalRate,
    ConstantVus,
    Executor,
    PerVuIterations,
    PoissonArrivals,
    RampingArrivalRate,
    RampingVus,
    SharedIterations,
    Stage,
)
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.plan import Check, Draw, Endpoint, LoadPlan, mistakes_in
from pynomaly_itest.load.result import (
    METRICS,
    Calibration,
    EndpointResult,
    GeneratorHealth,
    LoadResult,
    Progress,
    Second,
)

if TYPE_CHECKING:
    from pynomaly_itest.load.calibration import calibrate
    from pynomaly_itest.load.run import Record, run_load

__all__ = [
    "EXECUTORS",
    "METRICS",
    "Calibration",
    "Check",
    "ConstantArrivalRate",
    "ConstantVus",
    "Draw",
    "Endpoint",
    "EndpointResult",
    "Executor",
    "GeneratorHealth",
    "LoadPlan",
    "LoadResult",
    "Outcome",
    "PerVuIterations",
    "PoissonArrivals",
    "Progress",
    "RampingArrivalRate",
    "RampingVus",
    "Record",
    "Second",
    "SharedIterations",
    "Stage",
    "calibrate",
    "mistakes_in",
    "run_load",
]


def __getattr__(name: str) -> Any:
    """What sends is imported when it is asked for: `validate` looks at executors, and needs no event loop."""
    from importlib import import_module

    places = {"calibrate": "calibration", "run_load": "run", "Record": "run"}
    if name not in places:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{places[name]}"), name)
