"""The report in a real browser: quiet, self-contained, and usable by pointer, keyboard, ear and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from devtools import Browser
from report_samples import sample_events

from pynomaly_itest.events import BaselineCompared, BaselineUsed
from pynomaly_itest.report import write
from pynomaly_itest.results import fold
from pynomaly_itest.verdicts import Verdict

_SHOWN = "[...document.querySelectorAll('details.scenario')].filter(row => !row.hidden).map(row => row.id)"


def _shown(page: Browser) -> list[str]:
    rows: list[str] = page.evaluate(_SHOWN)
    return rows


def _search(page: Browser, words: str) -> None:
    page.evaluate("document.getElementById('filter-words').focus()")
    page.type(words)


def _tick(page: Browser, verdict: str) -> None:
    page.evaluate(f"document.querySelector('input[value={verdict}]').click()")


def test_it_opens_without_a_message_or_a_request(page: Browser, report: Path) -> None:
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert page.noise.console == []
    assert page.noise.requests == [report.as_uri()]


def test_the_policy_stops_what_is_not_the_pages_own(page: Browser) -> None:
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'http://127.0.0.1:9/x'; document.body.append(i);"
        " return 1 })()"
    )
    assert page.evaluate("window.pwned === undefined")
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in message for message in page.noise.console)


def test_no_hostile_text_became_an_element(page: Browser) -> None:
    assert page.evaluate("document.querySelectorAll('img, iframe, script:not([type])').length") == 1
    assert "<img src=x onerror=alert(2)>" in page.evaluate("document.body.innerText")


def test_the_search_narrows_and_says_how_many(page: Browser) -> None:
    assert len(_shown(page)) == 24
    _search(page, "THYROID recall")
    assert _shown(page) == ["s7"]
    assert page.evaluate("document.getElementById('shown').value") == "1 of 24 shown"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("thyroid or logout", ["s3", "s7"]),
        ("(THYROID or logout) and not critical", ["s7"]),
        ("'critical security' thyroid", []),
        ("thyroid and", ["s7"]),
        ("(thyroid", ["s7"]),
    ],
)
def test_words_are_joined_as_on_the_command_line(page: Browser, words: str, shown: list[str]) -> None:
    _search(page, words)
    assert _shown(page) == shown
    assert page.noise.console == []


def test_nothing_found_is_said(page: Browser) -> None:
    _search(page, "no such words")
    assert _shown(page) == []
    assert page.evaluate("document.getElementById('none').checkVisibility()")


def test_verdicts_add_up_and_tags_narrow(page: Browser) -> None:
    _tick(page, "failed")
    assert _shown(page) == ["s2", "s3", "s6"]
    _tick(page, "skipped")
    assert _shown(page) == ["s2", "s3", "s5", "s6"]
    page.evaluate(
        "(() => { const tag = document.getElementById('filter-tag'); tag.value = 'security';"
        " tag.dispatchEvent(new Event('input', {bubbles: true})) })()"
    )
    assert _shown(page) == ["s3"]


def test_expand_opens_only_what_is_shown(page: Browser) -> None:
    _tick(page, "failed")
    page.evaluate("document.getElementById('expand').click()")
    assert page.evaluate("document.querySelectorAll('details.scenario[open]').length") == 3
    page.evaluate("document.getElementById('collapse').click()")
    assert page.evaluate("document.querySelectorAll('details.scenario[open]').length") == 0


def test_a_link_opens_its_scenario_even_if_it_is_filtered_away(page: Browser) -> None:
    _tick(page, "passed")
    page.evaluate("document.querySelector('.card a[href=\"#s6\"]').click()")
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert page.evaluate("document.getElementById('s6').open && !document.getElementById('s6').hidden")


def test_an_address_with_a_scenario_opens_it(browser: Browser, report: Path) -> None:
    browser.open(report, "#s3")
    assert browser.evaluate("document.getElementById('s3').open")


def test_the_keyboard_opens_a_scenario(page: Browser) -> None:
    page.evaluate("document.querySelector('#s2 > summary').focus()")
    page.press("Enter", 13)
    assert page.evaluate("document.getElementById('s2').open")


def test_the_first_tab_stop_skips_to_the_scenarios(page: Browser) -> None:
    page.press("Tab", 9)
    assert page.evaluate("document.activeElement.textContent") == "Skip to all scenarios"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


_PLOT = "document.querySelector('#s1 svg[data-hover=\"0 0 {kind}\"]')"


@pytest.mark.parametrize(
    ("kind", "told"),
    [("histogram", "ms: "), ("quantiles", "p95: "), ("over_time", "p50 ")],
)
def test_the_pointer_reads_a_plot(page: Browser, kind: str, told: str) -> None:
    plot = _PLOT.format(kind=kind)
    page.evaluate(
        f"document.getElementById('s1').open = true, {plot}.scrollIntoView({{block: 'center', behavior: 'instant'}})"
    )
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = page.evaluate(
        f"(({{x, y, width, height}}) => ({{x, y, width, height}}))({plot}.getBoundingClientRect())"
    )
    page.hover(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    assert told in page.evaluate("document.getElementById('tip').textContent")
    assert page.evaluate("document.getElementById('tip').checkVisibility()")
    page.hover(2, 2)
    assert not page.evaluate("document.getElementById('tip').checkVisibility()")
    assert page.noise.console == []


def test_the_pointer_reads_the_targets_memory(page: Browser) -> None:
    plot = "document.querySelector('svg[data-hover=\"resources rss_mb\"]')"
    page.evaluate(f"{plot}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    box = page.evaluate(
        f"(({{x, y, width, height}}) => ({{x, y, width, height}}))({plot}.getBoundingClientRect())"
    )
    page.hover(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    text = page.evaluate("document.getElementById('tip').textContent")
    assert "MiB at" in text
    assert "detection-latency-001[" in text


@pytest.mark.parametrize("width", [320, 400, 768, 1200, 1920])
def test_nothing_sticks_out_at_any_width(browser: Browser, report: Path, width: int) -> None:
    browser.resize(width)
    browser.open(report)
    browser.evaluate("document.getElementById('expand').click()")
    sticking_out = browser.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('svg, .scroll, pre, .sr, .strip, .skip-link')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className)"
    )
    assert sticking_out == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


_CONTRAST = """
(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const channel = (v) => (v /= 255, v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = new Map();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('svg, script, style, .strip, .sr') || !e.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) worst.set(`${e.tagName}.${e.className}`, ratio);
  }
  return [...worst];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_level_aa(browser: Browser, report: Path, scheme: str) -> None:
    browser.emulate(scheme=scheme)
    browser.open(report)
    browser.evaluate("document.getElementById('expand').click()")
    assert browser.evaluate(_CONTRAST) == []


def test_dark_is_dark(browser: Browser, report: Path) -> None:
    browser.emulate(scheme="dark")
    browser.open(report)
    red, green, blue = browser.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(red, green, blue) < 40


def test_everything_that_can_be_worked_has_a_name(page: Browser) -> None:
    page.evaluate("document.getElementById('expand').click()")
    nodes: list[dict[str, Any]] = page.call("Accessibility.getFullAXTree")["nodes"]
    wanted = {
        "button",
        "link",
        "textbox",
        "searchbox",
        "checkbox",
        "combobox",
        "image",
        "img",
        "DisclosureTriangle",
    }
    shown = [node for node in nodes if not node.get("ignored") and node["role"]["value"] in wanted]
    nameless = [node["role"]["value"] for node in shown if not node.get("name", {}).get("value", "").strip()]
    assert len(shown) > 100
    assert nameless == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_axe_finds_nothing(browser: Browser, report: Path, width: int, scheme: str) -> None:
    package = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    browser.resize(width)
    browser.emulate(scheme=scheme)
    browser.open(report)
    browser.evaluate("for (const id of ['s2', 's3', 's6']) document.getElementById(id).open = true")
    browser.evaluate(Path(package.__path__[0], "axe.min.js").read_text() + "; 1")
    found = browser.evaluate(
        "axe.run({exclude: [['svg']]}).then(({violations}) => violations.map(v => [v.id, v.impact, v.nodes[0].html]))"
    )
    assert found == []


@pytest.fixture(scope="module")
def held_against_a_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample run held against a baseline, with a flame graph beside it."""
    events = list(sample_events())
    common: dict[str, Any] = {
        "at_s": 1.0,
        "scenario": events[0].plan[0].id,
        "baseline_name": "main",
        "method": "measured again, 9 process pairs",
        "interval": (0.01, 0.11),
        "confidence": 0.95,
        "change": 0.06,
    }
    gate = "detect.latency_ms.p95 <= benchmarks.detection_latency_ms"
    events[-1:-1] = [
        BaselineUsed(at_s=1.0, name="main", run_id="r-0", saved_at="2026-03-01", build="git 1a2b3c4d5e6f"),
        BaselineCompared(
            **common,
            metric="detect.latency_ms.p95",
            expression=gate,
            unit="ms",
            baseline=7.9,
            observed=8.4,
            verdict=Verdict.INCONCLUSIVE,
            reason="the interval reaches beyond 5 %",
        ),
        BaselineCompared(**common, metric="x", expression="x", verdict=Verdict.SKIPPED, reason="only shown"),
    ]
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "flamegraph.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (path,) = write(fold(events), folder, ["html"])
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_a_baseline_is_shown_and_axe_finds_nothing(
    browser: Browser, held_against_a_baseline: Path, width: int, scheme: str
) -> None:
    browser.resize(width)
    browser.emulate(scheme=scheme)
    browser.open(held_against_a_baseline, "#s1")
    text = browser.evaluate("document.body.innerText")
    for part in ("Held against", "Against baseline main", "6 % worse", "The target meanwhile", "Flame graph"):
        assert part in text
    assert browser.evaluate("document.querySelectorAll('#s1 .bullet .baseline').length") == 1
    plot = "document.querySelector('svg[data-hover=\"resources rss_mb 0\"]')"
    browser.evaluate(f"{plot}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    box = browser.evaluate(f"(({{x, y, width}}) => ({{x, y, width}}))({plot}.getBoundingClientRect())")
    browser.hover(box["x"] + box["width"] * 0.5, box["y"] + 20)
    assert "MiB at" in browser.evaluate("document.getElementById('tip').textContent")
    browser.hover(1, 1)
    package = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    browser.evaluate(Path(package.__path__[0], "axe.min.js").read_text() + "; 1")
    found = browser.evaluate(
        "axe.run({include: [['#s1'], ['.hero'], ['.about']], exclude: [['svg']]})"
        ".then(({violations}) => violations.map(v => [v.id, v.impact, v.nodes[0].html]))"
    )
    assert found == []
    assert browser.noise.console == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_without_its_script_the_page_still_tells_everything(browser: Browser, report: Path) -> None:
    browser.set_scripting(enabled=False)
    browser.open(report)
    browser.set_scripting(enabled=True)
    assert browser.evaluate("document.getElementById('filter').checkVisibility()") is False
    assert browser.evaluate("document.querySelectorAll('details.scenario').length") == 24
    browser.evaluate("document.querySelector('#s2 > summary').click()")
    assert browser.evaluate("document.querySelector('#s2 .plot').checkVisibility()")


def test_on_paper_what_failed_is_open_and_controls_are_gone(page: Browser) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate(media="print")
    opened = page.evaluate("[...document.querySelectorAll('details.scenario[open]')].map(row => row.id)")
    assert opened == ["s2", "s3", "s4", "s6", "s7", "s8"]
    assert not page.evaluate("document.getElementById('filter').checkVisibility()")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details.scenario[open]').length") == 0
    assert page.pdf().startswith(b"%PDF")


def test_a_hundred_scenarios_filter_at_once(browser: Browser, big_report: Path) -> None:
    browser.open(big_report)
    assert len(_shown(browser)) == 100
    took_ms = browser.evaluate(
        "(() => { const words = document.getElementById('filter-words'), start = performance.now();"
        " words.value = 'copod'; words.dispatchEvent(new Event('input', {bubbles: true}));"
        " return performance.now() - start })()"
    )
    assert len(_shown(browser)) == 12
    assert took_ms < 500
    assert browser.noise.console == []
