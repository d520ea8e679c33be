"""Pages of the names that gates can ask about: what each means, in which unit, and which step gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pynomaly_itest.profile.scopes import TARGET
from pynomaly_itest.reference.page import Code, Page, Table, section
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape

MEANINGS: Mapping[str, str] = {
    "accuracy": "share of the rows whose label is right",
    "algorithm_name": "the algorithm's name at the platform",
    "anomaly_labels": "1 for each row that is an anomaly, else 0",
    "anomaly_rate": "share of the rows that are anomalies",
    "anomaly_scores": "a score for each row; higher is more anomalous",
    "average_precision": "area under the curve of precision against recall",
    "cached": "whether the answer came from the target's cache",
    "contamination_rate": "the share of anomalies that the detector expects",
    "count": "how often the step was run, without the warm-up",
    "course": "each rate that was tried, in order, and what became of it",
    "cpu_percent": "CPU of the target's process tree, in percent of one core",
    "descriptors": "open files and connections of the target's process tree",
    "downtime_s": "from the stop until the target was ready again",
    "during": "what the requests made while it lasted gave, as `load` gives it",
    "error": "probes that could not be made",
    "error_ratio": "share of the requests that failed",
    "execution_time_ms": "what the platform says of its own work",
    "f1": "harmonic mean of precision and recall",
    "failed": "probes that found a hole",
    "failed_probes": "requests that were not well before it had recovered",
    "finished": "whether the search came to its end within its budget",
    "generator": "how the load generator itself fared: `kept_up`, `lag_p99_ms`, `cpu_share`, `cost_us`",
    "has_target": "whether a column of the dataset holds labels",
    "headers": "the reply's headers, in lower case with _ for -",
    "highest_held": "the highest rate at which all objectives held",
    "id": "by which later steps name it: `${{ name.id }}`",
    "in_turn_ms": "the time of all steps one after another",
    "inconclusive": "probes that could not tell",
    "is_fitted": "whether it is trained",
    "json": "the reply's body, if it is JSON; any name below it",
    "kind": "`bundled`, `inprocess` or `url`",
    "latency_ms": "from the request's first byte to the reply's last",
    "lowest_broken": "the lowest rate at which an objective broke",
    "memory_usage_mb": "what the platform says that the dataset takes",
    "n_anomalies": "rows that are anomalies",
    "n_features": "columns without the label",
    "n_results": "results that came back, one a dataset",
    "n_samples": "rows",
    "n_windows": "windows that were streamed",
    "name": "its name at the platform",
    "operation_id": "the operation that did the work",
    "own_mb": "memory that the target's processes share with no other",
    "passed": "probes that saw the safe thing under working controls",
    "precision": "share of the anomalies told that are ones",
    "probes": "requests until it had recovered",
    "rate": "requests a second; of `capacity`, the boundary, with its interval",
    "ratio": "time side by side over time in turn; 1: nothing is gained",
    "reason": "why, in words",
    "recall": "share of the true anomalies that were told",
    "references": "with `verify`: the answers that it learnt, for a later load to be held against",
    "requests": "requests in all",
    "requests_per_second": "requests a second, one after another",
    "results": "each dataset's result",
    "roc_auc": "area under the ROC curve: how likely an anomaly scores above a normal row",
    "role": "what the user may do",
    "rss_mb": "resident memory of the target's process tree",
    "samples_per_second": "rows scored a second",
    "scaling": "how time grows with size: `exponent` over all sizes, `last_exponent` between the last two",
    "seconds": "until it was well again, several times in a row",
    "server_training_time_seconds": "what the platform says that the training took",
    "settled_s": "until memory stood still",
    "size_bytes": "the reply's body",
    "skipped": "probes whose precondition is not there",
    "status": "the HTTP status; of an operation, its state",
    "target_column": "the column with the labels",
    "tenant": "whose data the user sees",
    "tests": "levels that were tried",
    "text": "the reply's body as text, its beginning",
    "threads": "threads of the target's process tree",
    "threshold": "scores above it are anomalies",
    "times": "how often the steps were run",
    "together_ms": "the time of all steps side by side",
    "training_time_seconds": "from the request to the trained detector, as a user waits",
    "tries": "how often it was tried",
    "upload_ms": "from the request's first byte to the reply's last",
    "url": "where it is, without credentials",
    "username": "the user's name",
    "version": "what the target says of its version",
    "waited_seconds": "until it was so",
}
"""Of metrics whose shape doesn't say it itself; a shape's own words come first."""

STATISTICS: Mapping[str, str] = {
    "n": "how many values",
    "min": "the smallest",
    "max": "the largest; a limit on it is broken by one value",
    "mean": "their mean, with an interval by block bootstrap: neighbours in time are alike",
    "median": "the same as p50",
    "stddev": "their standard deviation",
    "sum": "their sum",
    "first": "the earliest",
    "last": "the latest",
    "slope": "by how much they grow a second",
}


def given_by(step: str) -> tuple[tuple[str, str, str], ...]:
    """What a step gives: (name, unit, meaning) each."""
    shape = STEPS[step].shape({})
    if not isinstance(shape, Record):
        return ()
    return tuple((f"`{name}`", _unit(field), meaning(name, field)) for name, field in shape.fields.items())


def meaning(name: str, shape: Shape) -> str:
    """What a metric is, in words; nothing where a plug-in doesn't say."""
    return shape.doc or MEANINGS.get(name, "")


def metrics() -> Iterator[Page]:
    """A page for each name, with every step that gives it, and one for each statistic of a series."""
    sources: dict[str, list[tuple[str, Shape]]] = {}
    for step, shape in {**{kind: STEPS[kind].shape({}) for kind in STEPS}, "target": TARGET}.items():
        if isinstance(shape, Record):
            for name, field in shape.fields.items():
                sources.setdefault(name, []).append((step, field))
    for name, given in sorted(sources.items()):
        yield _metric(name, given)
    for name, what in STATISTICS.items():
        yield Page("statistic", name, what, section("Example", Code(f"- detect.latency_ms.{name} >= 0")))
    yield _quantile()


def _metric(name: str, given: list[tuple[str, Shape]]) -> Page:
    rows = tuple((f"`{step}`", _unit(field), _form(field), meaning(name, field)) for step, field in given)
    step, field = next((each for each in given if isinstance(each[1], Series)), given[0])
    statistic = ".p95" if isinstance(field, Series) else ""
    saved = "target" if step == "target" else "saved"
    how = "" if step == "target" else f"where the step says `save: {saved}`"
    return Page(
        "metric",
        name,
        meaning(name, field),
        (
            *section("Where it comes from", Table(("given by", "unit", "as", "meaning"), rows)),
            *section("In a gate", Code(f"- {saved}.{name}{statistic} …"), how),
        ),
        also=tuple(f"{step}.{name}" for step, _ in given),
    )


def _quantile() -> Page:
    return Page(
        "statistic",
        "p95",
        "the value that 95 of 100 do not exceed; so p50, p99, p99.9, any quantile",
        section(
            "How it is judged",
            "By how many values lie beyond the limit, not by the quantile itself: the gate passes where, at the gate's "
            "confidence, at most 5 in 100 lie beyond it. At 99 % that takes 90 values for p95 even if none is beyond, "
            "44 for p90, 459 for p99; with fewer the gate is inconclusive.",
            Code("- detect.latency_ms.p95 <= 100ms"),
        ),
        also=("p50", "p90", "p99", "p99.9", "quantile", "<statistic>"),
    )


def _unit(shape: Shape) -> str:
    unit = getattr(shape, "unit", None)
    return "" if unit in (None, "1") else str(unit)


def _form(shape: Shape) -> str:
    match shape:
        case Series():
            return "many values: ask for a statistic"
        case Scalar(type):
            return {"any": "any value", "boolean": "true or false", "string": "text"}.get(type, type)
        case _:
            return "names below it"
