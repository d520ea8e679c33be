"""The pictures of a load and of a capacity search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.curves import Curves, thinned

if TYPE_CHECKING:
    from pynomaly_itest.load import LoadResult

_FEWEST = 3


def curves_of_load(result: LoadResult, ended_ago_s: float) -> dict[str, Curves]:
    """Rates and latencies, second by second; none for a load of a moment. `ended_ago_s`: since the last answer."""
    seconds = list(result.seconds)[:-1]
    if len(seconds) < _FEWEST:
        return {}
    x = [value or 0.0 for value in thinned([float(second.second) for second in seconds])]
    ago_s = ended_ago_s + seconds[0].second + result.duration_s + result.wait_s
    rates = {
        "answered": [float(second.answered) for second in seconds],
        "right and in time": [float(second.good) for second in seconds],
        "due": [float(second.due) for second in seconds],
        "failed": [float(second.failed) for second in seconds],
    }
    latencies = {
        name: [getattr(second, f"{name}_ms") for second in seconds] for name in ("p50", "p95", "p99")
    }
    return {
        "rates": _over_time("Requests a second", "", x, rates, ago_s),
        "latencies": _over_time("Latency of those due in each second, ms", "ms", x, latencies, ago_s),
    }


def _over_time(
    title: str, unit: str, x: Sequence[float], y: Mapping[str, list[float]], ago_s: float
) -> Curves:
    return Curves(
        title,
        "seconds of the load",
        unit,
        x,
        {name: thinned(values) for name, values in y.items()},
        begun_ago_s=ago_s,
    )


def curves_of_capacity(
    levels: Sequence[Mapping[str, Any]], limits: Mapping[str, float], held: float | None, broken: float | None
) -> dict[str, Curves]:
    """What was answered, and how late, at each rate; a rate that was tested more than once stands there as often."""
    tested = sorted(
        (level for level in levels if level["verdict"] != "untold"), key=lambda level: level["rate"]
    )
    if len(tested) < _FEWEST:
        return {}
    x = [level["rate"] for level in tested]
    sides = (("held", held), ("broke", broken))
    places = {name: rate for name, rate in sides if rate is not None}
    latencies = sorted({name for level in tested for name in level if name.endswith("_ms")})
    return {
        "rates": Curves(
            "Answers a second at each arrival rate",
            "arrivals a second",
            "",
            x,
            {
                "answered": [level["achieved"] for level in tested],
                "right": [level["good"] for level in tested],
                "due": list(x),
                "failed": [level["failed"] for level in tested],
            },
            places=places,
        ),
        "latencies": Curves(
            "Latency at each arrival rate, ms",
            "arrivals a second",
            "ms",
            x,
            {name.removesuffix("_ms"): [level[name] for level in tested] for name in latencies},
            limits=limits,
            places=places,
        ),
    }
