"""Assertions whose messages say what was observed, what was expected, and by how much they differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_GONE = (404, 410)
_AT_LEAST = (
    "throughput",
    "_per_second",
    "_rate",
    "accuracy",
    "precision",
    "recall",
    "_threshold",
    "f1",
    "auc",
)


class IntegrationTestAssertions:
    """Each raises AssertionError; what is not there is never taken for good."""

    def assert_api_response_structure(self, response: Any, fields: Collection[str]) -> None:
        """`response` (a reply, or its JSON) is an object that has all of `fields`."""
        content = _content(response)
        if not isinstance(content, Mapping):
            raise AssertionError(
                f"observed a {type(content).__name__}, expected an object with {_list(fields)}"
            )
        missing = [name for name in fields if name not in content]
        if missing:
            raise AssertionError(
                f"observed the fields {_list(content)}, expected {_list(fields)}: missing {_list(missing)}"
            )

    def assert_detection_quality(
        self,
        result: Mapping[str, Any],
        min_accuracy: float | None = None,
        min_precision: float | None = None,
        min_recall: float | None = None,
        min_f1: float | None = None,
        min_roc_auc: float | None = None,
    ) -> None:
        """The figures of `result` (an evaluation) are at least these, each a number from 0 to 1.

        Raises ValueError where no limit is given: an assertion of nothing would always hold.
        """
        wanted = {
            "accuracy": min_accuracy,
            "precision": min_precision,
            "recall": min_recall,
            "f1": min_f1,
            "roc_auc": min_roc_auc,
        }
        limits = {name: limit for name, limit in wanted.items() if limit is not None}
        if not limits:
            raise ValueError("assert_detection_quality was given no limit, such as min_accuracy=0.7")
        _raise([_short_of(name, result.get(name), limit) for name, limit in limits.items()])

    def assert_performance_benchmarks(
        self, metrics: Mapping[str, float], benchmarks: Mapping[str, float]
    ) -> None:
        """Each of `metrics` keeps the benchmark of its name: throughput, rates, qualities at least, others at most.

        A metric without a benchmark is a failure, and so is one that is no number. Raises ValueError where
        there is no metric at all.
        """
        if not metrics:
            raise ValueError("assert_performance_benchmarks was given no metrics")
        problems: list[str | None] = []
        for name, observed in metrics.items():
            if name not in benchmarks:
                problems.append(f"{name}: there is no such benchmark; known are {_list(benchmarks)}")
            elif _is_at_least(name):
                problems.append(_short_of(name, observed, benchmarks[name]))
            else:
                problems.append(_beyond(name, observed, benchmarks[name]))
        _raise(problems)

    def assert_resource_cleanup(self, response: Any, kind: str) -> None:
        """`response`, to a GET of a `kind` that was deleted, says that it is gone (404 or 410)."""
        status = getattr(response, "status", getattr(response, "status_code", response))
        if status not in _GONE:
            raise AssertionError(f"{kind}: observed status {status}, expected 404 or 410: it is still there")


def _is_at_least(name: str) -> bool:
    return any(name.endswith(ending) or (ending == "throughput" and ending in name) for ending in _AT_LEAST)


def _short_of(name: str, observed: Any, limit: float) -> str | None:
    """Why `observed` is not at least `limit`; None where it is. Not a number (NaN) is short of everything."""
    if not _is_number(observed):
        return f"{name}: observed {observed!r}, expected a number of at least {limit:g}"
    if observed >= limit:
        return None
    return f"{name}: observed {observed:.6g}, expected at least {limit:g}, difference {observed - limit:.6g}"


def _beyond(name: str, observed: Any, limit: float) -> str | None:
    if not _is_number(observed):
        return f"{name}: observed {observed!r}, expected a number of at most {limit:g}"
    if observed <= limit:
        return None
    return f"{name}: observed {observed:.6g}, expected at most {limit:g}, difference {observed - limit:+.6g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _raise(problems: list[str | None]) -> None:
    found = [problem for problem in problems if problem is not None]
    if found:
        raise AssertionError("; ".join(found))


def _content(response: Any) -> Any:
    return response.json() if callable(getattr(response, "json", None)) else response


def _list(names: Collection[str]) -> str:
    return ", ".join(map(str, names)) or "none"
