"""Pages of what can be said in a gate."""

from __future__ import annotations

from collections.abc import Iterator

from pynomaly_itest.reference.page import Code, Page, section

COMPARED = (
    "A single value (a status, a count) is compared as it is. A measured one is judged with confidence (95 % unless "
    "`confidence:` says otherwise): a quantile by how many values lie beyond the limit, a proportion by its "
    "Clopper-Pearson interval, a mean by block bootstrap. Where the interval lies on both sides of the limit the gate "
    "is inconclusive."
)
_CLEANED = (
    "Whatever a scenario creates is entered in a ledger and removed in reverse order, also after Ctrl-C. What is left "
    "over fails the scenario. Nothing has to be written for it."
)
_EXPECTED = (
    "The same grammar, judged when the step has ended, on its own result and on all that was saved before. What a "
    "reply lacks is a failure, not a lack of evidence."
)
_FORMS = (
    (
        "<=",
        "at most, at least, less, more",
        ("<", ">", ">="),
        COMPARED,
        "- detect.latency_ms.p95 <= 100ms\n- quality.recall >= 0.6",
    ),
    (
        "==",
        "equal, unequal",
        ("!=",),
        "For single values. Of a measured value only a bound can be certain (`error_ratio == 0` counts what was seen).",
        "- load.error_ratio == 0\n- status != 500",
    ),
    (
        "in",
        "one of a list, none of a list",
        ("not in",),
        "The list is written out.",
        "- status in [200, 204]",
    ),
    (
        "matches",
        "a text that a pattern fits",
        (),
        (
            "A regular expression, searched anywhere in the text; one that would take too long is refused. "
            "Without open repeats (`*`, `+`, `{2,}`) 16,000,000 characters are searched, with one 30,000, with more "
            "10,000: a longer text is an error, and no failure of the target."
        ),
        '- version matches "^2\\\\."',
    ),
    (
        "and",
        "conditions together",
        ("or", "not"),
        "In three values: what is not known stays not known, and `not` makes no pass of it.",
        "- load.error_ratio == 0 and load.rate >= 100/s",
    ),
    (
        "resource_cleanup",
        "a gate of its own: what the scenario created is gone afterwards",
        (),
        _CLEANED,
        "",
    ),
    (
        "confidence",
        "how sure the judge must be",
        ("min_samples",),
        "Of a profile, or of one gate. With fewer than `min_samples` values the gate is inconclusive.",
        "- {expression: detect.latency_ms.p95 <= 100ms, confidence: 0.99, min_samples: 500}",
    ),
    (
        "expect",
        "a step's own conditions",
        (),
        _EXPECTED,
        "- request: {path: /health}\n  expect: [status == 200, latency_ms <= 2s]",
    ),
)


def gates() -> Iterator[Page]:
    """Each form."""
    for name, what, also, how, example in _FORMS:
        sections = (
            *section("How it is judged", how),
            *section("Example", Code(example) if example else None),
        )
        yield Page("gate", name, what, sections, also=also)
    yield _units()


def _units() -> Page:
    from pynomaly_itest.profile.expression.units import KNOWN_UNITS

    return Page(
        "gate",
        "units",
        "numbers carry units, and units are converted: 0.1s is 100ms",
        (
            *section("Known units", ", ".join(f"`{unit}`" for unit in KNOWN_UNITS)),
            *section(
                "Names carry them too",
                "`latency_ms`, `training_time_seconds`, `memory_usage_mb`: the last word of a name is its unit. 1 mb "
                "is 1024 × 1024 bytes.",
            ),
        ),
        also=("unit",),
    )
