"""All pages by family, and the finding of one by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from pynomaly_itest.reference import gates, keys, kinds, metrics, outcomes, probes, surroundings
from pynomaly_itest.reference.page import Page


@dataclass(frozen=True)
class Family:
    """Pages of one sort; `about` is what a reader should know before the first."""

    name: str
    title: str
    about: str
    pages: Callable[[], Iterator[Page]]


FAMILIES = (
    Family(
        "exit-codes",
        "Exit codes",
        "What the pipeline sees. It follows from the same verdicts as every report.",
        outcomes.exit_codes,
    ),
    Family("verdicts", "Verdicts", "Of a gate, a step, a scenario, a run.", outcomes.verdicts),
    Family(
        "steps",
        "Steps",
        "What a scenario is made of: one kind with its fields, and what stands beside it.",
        kinds.steps,
    ),
    Family(
        "gates",
        "Gates",
        "One small grammar for `expect`, `gates`, `${{ … }}` and `-m`. No calls, no Python.",
        gates.gates,
    ),
    Family(
        "metrics",
        "Metrics",
        "The names that gates ask about, by the name under which a step was saved.",
        metrics.metrics,
    ),
    Family(
        "benchmarks", "Benchmarks", "Limits by name, for gates to be held against.", surroundings.benchmarks
    ),
    Family(
        "probes",
        "Security probes",
        "Each has controls that show that it could have seen the hole.",
        probes.probes,
    ),
    Family("faults", "Faults", "What the `fault` step breaks, mends, and looks at afterwards.", kinds.faults),
    Family(
        "datasets",
        "Datasets",
        "What a profile's `datasets:` are made of; the same seed gives the same rows.",
        kinds.datasets,
    ),
    Family(
        "adapters",
        "Adapters",
        "How a service is spoken to: the `service:` block of a profile, or a file of its own with `--service`.",
        kinds.adapters,
    ),
    Family(
        "reports", "Report formats", "All are rendered from the log, so they can't disagree.", kinds.reports
    ),
    Family("requirements", "Requirements", "What a scenario can ask to be there.", kinds.requirements),
    Family(
        "algorithms",
        "Algorithms",
        "Of the bundled platform: PyOD's, by the platform's names.",
        kinds.algorithms,
    ),
    Family(
        "keys",
        "Keys of a profile",
        "What may stand in a profile's file, in a scenario, in a step; `pynomaly-itest schema` says it to editors.",
        keys.keys,
    ),
    Family(
        "variables",
        "Environment variables",
        "Secrets come from here, never from flags.",
        surroundings.variables,
    ),
)


def find(name: str) -> list[Page]:
    """Every page of that name, in the order of the families; letters' case does not matter."""
    wanted = " ".join(name.split()).casefold()
    exact = [page for page in _all_pages() if wanted in _folded(page)]
    return exact or _without_the_saved_name(wanted)


def _without_the_saved_name(wanted: str) -> list[Page]:
    """`mine.latency_ms.p95` is the metric `latency_ms`, whatever the step was saved as."""
    parts = wanted.split(".")
    if " " in wanted or not 2 <= len(parts) <= 4:
        return []
    return [page for page in _all_pages() if page.noun == "metric" and page.name.casefold() in parts[1:]]


def known_names() -> dict[str, str]:
    """Every name with its noun and summary, for completion and for suggestions."""
    return {page.name: f"{page.noun}: {page.summary}" for page in reversed(_all_pages())}


@cache
def _all_pages() -> tuple[Page, ...]:
    return tuple(page for family in FAMILIES for page in family.pages())


def _folded(page: Page) -> set[str]:
    return {name.casefold() for name in page.names}
