"""Pages of the security probes, and of their families."""

from __future__ import annotations

from collections.abc import Iterator

from pynomaly_itest.probing.probe import Impact
from pynomaly_itest.reference.page import Code, Page, Table, section
from pynomaly_itest.registry import PROBES

_IMPACTS = {
    Impact.READS: "reads only",
    Impact.CHANGES_OWN: "changes what it made itself",
    Impact.DISRUPTS: "may lock accounts of ours or slow the target: off on a URL unless `--allow-disruptive`",
}


def probes() -> Iterator[Page]:
    """Each probe: what it tries, what is safe, why it matters, how to mend it."""
    families: dict[str, list[str]] = {}
    for name, kind in PROBES.items():
        families.setdefault(kind.family(), []).append(name)
        facts = (
            ("severity", kind.severity.value),
            ("impact", _IMPACTS[kind.impact]),
            ("needs", ", ".join(f"`{actor}`" for actor in kind.needs) or "no account"),
            ("references", ", ".join(kind.all_references())),
        )
        yield Page(
            "probe",
            name,
            kind.title,
            (
                *section("At a glance", Table(("", ""), facts)),
                *section("Safe is", kind.expected),
                *section("Why it matters", kind.why),
                *section("How to mend it", kind.mend),
                *section("Run it alone", Code(f"pynomaly-itest run -p security --probe {name}", "console")),
            ),
        )
    for family, names in sorted(families.items()):
        rows = tuple((f"`{name}`", PROBES[name].title) for name in names)
        yield Page(
            "probe family",
            family,
            f"{len(names)} probes",
            (
                *section("Its probes", Table(("probe", "what it sees to"), rows)),
                *section("Run them", Code(f"pynomaly-itest run -p security --probe {family}", "console")),
            ),
        )
