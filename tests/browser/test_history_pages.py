"""The pages of `history --serve` in a real browser: quiet, safe from what a log holds, usable at any width."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from devtools import Browser
from past_runs import HOSTILE, write_run

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RunFinished, ScenarioFinished
from pynomaly_itest.history.server import HistoryServer
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.verdicts import Verdict

FIRST, LAST = "20260301T101500Z-performance", "20260312T101500Z-performance"
LIVE = "20260320T101500Z-performance"
PAGES = {
    "runs": "",
    "trends": "trends?profile=performance",
    "two runs": f"compare?a={FIRST}&b={LAST}",
    "live": f"runs/{LIVE}/live",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = tmp_path_factory.mktemp("pages") / "reports"
    for day in range(1, 12):
        write_run(reports, day, 30 + day % 3)
    write_run(reports, 12, 61, title=HOSTILE)
    write_run(reports, 13, 20, profile="smoke", kind="url", url="https://staging.example.org")
    write_run(reports, 20, 30, finished=False, title=HOSTILE)
    return reports


@pytest.fixture(scope="module")
def site(reports: Path) -> Iterator[str]:
    with HistoryServer(reports) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_hostile_texts_stay_texts(browser: Browser, site: str, name: str) -> None:
    browser.open(site + PAGES[name])
    browser.evaluate("new Promise(done => setTimeout(done, 50))")
    assert browser.noise.console == []
    assert browser.noise.requests == [site + PAGES[name]]
    assert browser.evaluate("window.pwned === undefined")
    assert browser.evaluate("document.querySelectorAll('img, iframe').length") == 0


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_axe_finds_nothing(browser: Browser, site: str, name: str, scheme: str, width: int) -> None:
    package = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    browser.resize(width)
    browser.emulate(scheme=scheme)
    browser.open(site + PAGES[name])
    browser.evaluate(Path(package.__path__[0], "axe.min.js").read_text() + "; 1")
    found = browser.evaluate(
        "axe.run().then(({violations}) => violations.map(v => [v.id, v.impact, v.nodes[0].html]))"
    )
    assert found == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_two_runs_are_chosen_and_compared_without_a_script(browser: Browser, site: str) -> None:
    browser.open(site)
    browser.evaluate(
        f"document.querySelector('input[name=a][value=\"{FIRST}\"]').click(),"
        f" document.querySelector('input[name=b][value=\"{LAST}\"]').click(), 1"
    )
    browser.evaluate("document.querySelector('form button').click()")
    browser._wait_for_load()
    text = browser.evaluate("document.body.innerText")
    assert "1 of 2 differ" in text
    assert "+" in text
    assert browser.noise.console == []


def test_a_dot_leads_to_its_run_and_says_its_figure(browser: Browser, site: str) -> None:
    browser.open(site + PAGES["trends"])
    last = "[...document.querySelectorAll('.trend a')].find(dot => dot.getAttribute('href').includes('0312'))"
    assert "61 ms, failed" in browser.evaluate(f"{last}.getAttribute('aria-label')")
    browser.evaluate(f"{last}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    browser._wait_for_load()
    assert browser.evaluate("document.querySelector('h1').textContent") == "Failed"
    assert browser.noise.console == []


def test_the_report_works_here_as_it_does_as_a_file(browser: Browser, site: str) -> None:
    browser.open(f"{site}runs/{LAST}/report.html")
    browser.evaluate("document.getElementById('filter-words').focus()")
    browser.type("upload")
    assert browser.evaluate("document.getElementById('shown').value") == "1 of 2 shown"
    assert browser.noise.console == []


def test_a_run_in_progress_is_followed_to_its_end(browser: Browser, reports: Path, tmp_path: Path) -> None:
    shutil.copytree(reports / LIVE, tmp_path / "reports" / LIVE)
    log = EventLog(tmp_path / "reports" / LIVE / "run.jsonl", Redactor())
    with HistoryServer(tmp_path / "reports") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            browser.open(server.url + PAGES["live"])
            assert browser.evaluate("document.querySelector('h1').textContent").startswith("Running")
            assert "upload_dataset" in browser.evaluate("document.getElementById('doing').textContent")
            log.record(
                ScenarioFinished,
                scenario="upload",
                verdict=Verdict.FAILED,
                reason=HOSTILE,
                started_s=2,
                duration_s=1,
            )
            log.record(RunFinished, duration_s=4.0)
            log.close()
            seen = browser.evaluate(
                "new Promise((done, no) => { const h1 = document.querySelector('h1');"
                " const look = () => h1.textContent.startsWith('Ended') ? done(document.body.innerText)"
                " : setTimeout(look, 20); look(); setTimeout(() => no(h1.textContent), 10000) })"
            )
        finally:
            server.shutdown()
            thread.join()
    assert "2 of 2 scenarios ended" in seen
    assert "<img src=x onerror=alert(1)>" in seen
    assert "The report" in seen
    assert browser.evaluate("window.pwned === undefined")
    assert browser.noise.console == []


def test_printed_pages_keep_the_verdicts_and_lose_what_only_a_mouse_can_use(
    browser: Browser, site: str
) -> None:
    browser.open(site)
    browser.emulate(media="print")
    shown = "e => getComputedStyle(document.querySelector(e)).display"
    assert browser.evaluate(f"({shown})('.strip.runs')") == "flex"
    for gone in ("table.runs th:nth-child(1)", "table.runs td:nth-child(2)", ".links", "form > .actions"):
        assert browser.evaluate(f"({shown})('{gone}')") == "none", gone
    browser.emulate(media="screen")
