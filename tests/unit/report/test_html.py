"""report.html: safe, self-contained, light, and saying everything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from report_builders import FINISHED, INTERRUPTED, ended, gate, one, started
from report_samples import sample_run

from pynomaly_itest.report.html import HtmlReport
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

_VOID = {"meta", "link", "input", "br", "use", "path", "rect", "circle"}


class _Page(HTMLParser):
    """A page as a parser sees it: its elements with attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> inside {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in {"script", "style"}:
            kind = self.elements[-1][1].get("type") or inside
            self.raw[kind] = self.raw.get(kind, "") + data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(run: RunResult) -> _Page:
    return _Page(HtmlReport().render(run).decode())


@pytest.fixture(scope="module")
def page(run: RunResult) -> _Page:
    return _page(run)


def test_verdict_reason_and_facts_come_first(page: _Page) -> None:
    text = " ".join(page.text.split())
    start = text[: text.index("What needs attention")]
    for part in (
        "Failed",
        "3 of 24 scenarios failed.",
        "bundled http://127.0.0.1:43817",
        "4219fb0c1e7a (main)",
    ):
        assert part in start
    for part in ("14 March 2026, 09:26:53 UTC", "1 min 53 s", "AMD EPYC 7B13 · 2 cores", "Exit code1"):
        assert part in start


def test_a_concern_says_all_that_one_needs(page: _Page) -> None:
    text = " ".join(page.text.split())
    card = text[text.index("What needs attention") : text.index("The target over time")]
    for part in ("61.2 ms", "≤ 50 ms", "−11.2 ms (−22.4 %)", "58.9 to 63 ms at 95 % confidence", "1,000"):
        assert part in card
    for part in (
        "profiles/performance.yaml:40",
        "--scenario 'detection-latency-001[algorithm=local_outlier_factor]'",
    ):
        assert part in card


def test_every_scenario_is_there_once(page: _Page, run: RunResult) -> None:
    rows = [a for a in page.all("details") if (a.get("class") or "").startswith("scenario")]
    assert [row["id"] for row in rows] == [f"s{n}" for n in range(1, 25)]
    assert [row["data-verdict"] for row in rows] == [s.verdict.value for s in run.scenarios]


def test_links_inside_the_page_lead_somewhere(page: _Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    hrefs = [a.get("href") or "" for _, a in page.elements if "href" in a]
    assert {href[1:] for href in hrefs if href.startswith("#")} <= set(ids)


def test_nothing_is_loaded_from_anywhere(page: _Page) -> None:
    assert not {tag for tag, _ in page.elements} & {
        "img",
        "iframe",
        "object",
        "embed",
        "video",
        "audio",
        "base",
    }
    assert all("src" not in attributes for _, attributes in page.elements)
    for _, attributes in page.elements:
        href = attributes.get("href")
        assert href is None or href.startswith(("#", "data:image/svg+xml,"))
    assert "url(" not in page.raw["style"]
    assert "@import" not in page.raw["style"]


def test_only_this_style_and_this_script_may_act(page: _Page) -> None:
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a) or ""
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for directive, raw in (("style-src", page.raw["style"]), ("script-src", page.raw["script"])):
        digest = base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    for tag, attributes in page.elements:
        acting = [name for name in attributes if name.startswith("on") or name == "style"]
        assert not acting, f"the policy forbids {acting} on {tag}"


def test_hostile_text_is_text(page: _Page) -> None:
    assert "</script><script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert len(page.all("script")) == 2


def test_what_is_shown_is_in_it_as_json(page: _Page, run: RunResult) -> None:
    raw = page.raw["application/json"]
    assert not re.search(r"[<>&\u2028\u2029]", raw)
    data: dict[str, Any] = json.loads(raw)
    assert data["verdict"] == "failed"
    assert [s["id"] for s in data["scenarios"]] == [s.id for s in run.scenarios]
    metric = data["scenarios"][0]["metrics"][0]
    assert sum(metric["histogram"]["counts"]) == 1000
    assert len(data["resources"]["at_s"]) == len(data["resources"]["rss_mb"])


def test_a_hundred_scenarios_stay_under_a_megabyte(hundred: RunResult) -> None:
    assert len(HtmlReport().render(hundred)) < 1_000_000


def test_so_do_a_hundred_that_failed_and_the_worst_keep_their_plots() -> None:
    run = sample_run(100)
    for scenario in run.scenarios:
        scenario.verdict = Verdict.FAILED
    page = HtmlReport().render(run).decode()
    assert len(page) < 1_000_000
    assert page.count('class="plot"') > 30


def test_so_do_three_hundred_failures_with_long_reasons() -> None:
    names = [f"s{i}" for i in range(100)]
    broken = [
        gate(name, Verdict.FAILED, observed=61.2, limit=50, op="<=", reason="x" * (300 + 3 * at + part))
        for at, name in enumerate(names)
        for part in range(3)
    ]
    events = [event for name in names for event in ended(name, Verdict.FAILED)]
    run = fold([started(*names), *events, *broken, FINISHED])
    assert len(HtmlReport().render(run)) < 1_000_000
    text = _page(run).text
    assert "What needs attention 300" in text
    assert "and 240 more" in text


def test_three_hundred_failures_of_one_cause_are_one_card() -> None:
    names = [f"s{i}" for i in range(100)]
    broken = [
        gate(
            name,
            Verdict.FAILED,
            expression="score.min >= 50",
            observed=float(at),
            limit=50,
            op=">=",
            reason=why,
        )
        for at, name in enumerate(names)
        for why in (f"{at} >= 50 does not hold",)
    ]
    events = [event for name in names for event in ended(name, Verdict.FAILED)]
    page = _page(fold([started(*names), *events, *broken, FINISHED]))
    assert "What needs attention 1" in page.text
    assert "The same in 99 more places" in page.text
    linked = {a["href"] for a in page.all("a") if a.get("href", "").startswith("#s")}
    assert {f"#s{number}" for number in range(1, 101)} <= linked
    assert "61" in page.text  # what was observed in each place stands beside it


def test_controls_have_names(page: _Page) -> None:
    assert all(a.get("aria-label") or a.get("aria-hidden") or a.get("class") for a in page.all("svg"))
    pictures = [a for a in page.all("svg") if a.get("role") == "img"]
    assert pictures
    assert all(a.get("aria-label") for a in pictures)
    assert page.elements[0][0] == "html"
    assert page.all("html")[0]["lang"] == "en"


def test_headings_leave_no_level_out(page: _Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_page_of_each_verdict(verdict: Verdict) -> None:
    page = _page(one(verdict, reason="because"))
    shown = "inconclusive" if verdict is Verdict.SKIPPED else verdict.value
    assert f"{shown.capitalize()}: smoke on remote" in page.text


def test_an_interrupted_run_has_a_page_that_says_so() -> None:
    text = _page(fold([started("a", "b"), *ended("a", Verdict.PASSED), INTERRUPTED])).text
    assert "Interrupted (SIGINT): 1 of 2 scenarios had ended." in text
    assert "The run was interrupted" in text
