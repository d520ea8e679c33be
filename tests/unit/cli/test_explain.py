"""The reference is whole: whatever the registries hold has a page, with meaning, fields and an example that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pynomaly_itest
from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.probing.actors import ROLES
from pynomaly_itest.profile.scopes import TARGET
from pynomaly_itest.profile.settings import DEFAULT_BENCHMARKS
from pynomaly_itest.reference import FAMILIES, find, known_names, markdown, terminal
from pynomaly_itest.reference.expressions import of_expression
from pynomaly_itest.reference.metrics import meaning
from pynomaly_itest.reference.page import Page
from pynomaly_itest.reference.surroundings import VARIABLES
from pynomaly_itest.registry import ADAPTERS, DATASETS, FAULTS, PROBES, REPORTS, STEPS
from pynomaly_itest.shapes import STATISTICS, Record
from pynomaly_itest.target.requirements import CHECKS
from pynomaly_itest.verdicts import Verdict


def nouns(name: str) -> list[str]:
    return [page.noun for page in find(name)]


def test_everything_that_is_registered_has_a_page() -> None:
    named = {
        "step": STEPS,
        "dataset kind": DATASETS,
        "adapter": ADAPTERS,
        "fault": FAULTS,
        "report format": REPORTS,
        "requirement": CHECKS,
        "verdict": list(Verdict),
        "exit code": [str(int(code)) for code in ExitCode],
        "benchmark": DEFAULT_BENCHMARKS,
        "statistic": STATISTICS,
        "metric": TARGET.fields,
        "variable": VARIABLES,
        "probe family": {PROBES[name].family() for name in PROBES},
    }
    missing = [f"{noun} {name}" for noun, names in named.items() for name in names if noun not in nouns(name)]
    assert missing == []
    pages = {page.name for family in FAMILIES if family.name == "probes" for page in family.pages()}
    assert set(PROBES) <= pages


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_every_step_is_shown_by_an_example_and_all_it_gives_has_a_meaning(kind: str) -> None:
    (page,) = [page for page in find(kind) if page.noun == "step"]
    headings = [section.heading for section in page.sections]
    assert "What it does" in headings
    assert "Example" in headings
    shape = STEPS[kind].shape({})
    if isinstance(shape, Record):
        assert [name for name, field in shape.fields.items() if not meaning(name, field)] == []


def test_every_variable_that_the_tool_reads_is_told_of() -> None:
    folder = Path(pynomaly_itest.__file__).parent
    said = {
        name
        for file in folder.rglob("*.py")
        for name in re.findall(r"\bPYNOMALY_(?:ITEST|TEST)_[A-Z_]+\b", file.read_text())
        if not name.endswith("_")
    }
    actors = {f"PYNOMALY_ITEST_{actor.upper()}_" for actor in ROLES}
    assert {name for name in said if name not in VARIABLES and not name.startswith(tuple(actors))} == set()
    assert all(actor.upper() in VARIABLES["PYNOMALY_ITEST_<ACTOR>_USERNAME"] for actor in ROLES)


@pytest.mark.parametrize(
    ("said", "noun"),
    [
        ("4", "exit code"),
        ("exit 4", "exit code"),
        ("jwt-01", "probe"),
        ("JWT", "probe family"),
        ("load.latency_ms", "metric"),
        ("mine.latency_ms.p95", "metric"),
        ("$PYNOMALY_ITEST_TOKEN", "variable"),
        ("benchmarks.recall_threshold", "benchmark"),
        ("not in", "gate"),
        ("p99.9", "statistic"),
        ("IsolationForest", "algorithm"),
    ],
)
def test_things_are_found_by_the_names_that_people_have_at_hand(said: str, noun: str) -> None:
    assert noun in nouns(said)


def test_a_whole_gate_is_explained_name_by_name() -> None:
    page = of_expression(
        "detect.latency_ms.p95 <= benchmarks.detection_latency_ms and target.rss_mb.max < 1gb"
    )
    assert page is not None
    text = terminal.rendered(page, 200)
    assert "detect.latency_ms.p95" in text
    assert "saved as detect" in text
    assert "a value of the profile" in text
    assert "resident memory" in text
    assert of_expression("nothing here") is None
    assert of_expression("<= <=") is None


def all_pages() -> list[Page]:
    return [page for family in FAMILIES for page in family.pages()]


def test_pages_fit_a_terminal_and_make_whole_markdown() -> None:
    for page in all_pages():
        code = {
            line
            for section in page.sections
            for block in section.blocks
            if hasattr(block, "language")
            for line in block.text.splitlines()
        }
        for line in terminal.rendered(page, 80).splitlines():
            assert len(line) <= 80 or line.strip() in {each.strip() for each in code}, line
    for family in FAMILIES:
        text = markdown.rendered(family)
        assert text.count("```") % 2 == 0
        names = [page.name for page in family.pages()]
        assert all(f"`{name}`" in text for name in names)
        assert len(names) == len(set(names)), f"two pages of {family.name} bear one name"


def test_names_can_be_completed() -> None:
    assert known_names()["load"].startswith("step: ")


@pytest.mark.parametrize(
    "key",
    ["matrix", "ids", "include", "exclude", "vars", "finally", "extends", "setup", "save", "timeout", "requires",
     "alone", "auth", "dataset", "fixed", "target", "quick", "catch", "step_lists", "confidence"],
)  # fmt: skip
def test_every_key_of_a_profile_has_a_page(key: str) -> None:
    pages = find(key)
    assert any(page.noun == "key" and page.summary for page in pages)


def test_every_property_of_the_schema_is_known() -> None:
    from pynomaly_itest.profile.file import GateFile, ProfileFile, ScenarioFile, StepOptions

    for model in (ProfileFile, ScenarioFile, StepOptions, GateFile):
        assert all(find(name) for name in model.model_json_schema()["properties"])


def test_a_hint_names_what_holds_the_word() -> None:
    from pynomaly_itest.cli.explain import explain

    with pytest.raises(UsageError) as caught:
        explain(["token"])
    assert "PYNOMALY_ITEST_TOKEN" in str(caught.value.hint)
    assert "broken" not in str(caught.value.hint)
