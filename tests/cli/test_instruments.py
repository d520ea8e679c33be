"""What looks on while a run goes: logs, coverage, a flame graph, a platform of its own for each scenario."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
from command_line import Itest, Platform

OWN = """
version: 1
name: own
target: {settings: {max_predict_rows: 100}}
scenarios:
  - id: shared
    steps:
      - create_detector: {algorithm: knn, name: mine}
      - request: {path: /api/v1/detectors}
        expect: ['headers.x_total_count == "1"']
  - id: own
    target: {settings: {rate_limit_per_second: 1000}}
    steps:
      - request: {path: /api/v1/detectors}
        expect: ['headers.x_total_count == "0"']
"""


def test_at_debug_every_exchange_is_told_without_secrets(itest: Itest, platform: Platform) -> None:
    flags = ("--log-level", "DEBUG", "--log-format", "json")
    done = itest("run", "-p", "smoke", "-k", "main", *flags, *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    entries = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    exchanges = [entry["details"] for entry in entries if entry["logger"] == "pynomaly_itest.target.http"]
    asked = {(each["method"], each["url"].rsplit("/api/v1/")[-1], each["status"]) for each in exchanges}
    assert ("POST", "auth/login", 200) in asked
    assert ("POST", "datasets/upload", 201) in asked
    assert platform.password not in done.err
    assert "eyJ" not in done.err
    steps = [entry for entry in entries if entry["message"].startswith("step_finished")]
    assert len(steps) == 4


def test_text_is_the_default_form_and_wrong_ones_are_usage(itest: Itest, platform: Platform) -> None:
    flags = ("run", "-p", "smoke", "-k", "openapi", *platform.flags)
    done = itest(*flags, "--log-level", "debug", **platform.variables)
    assert "DEBUG   pynomaly_itest.target.http GET " in done.err
    quiet = itest(*flags, **platform.variables)
    assert "pynomaly_itest.target.http" not in quiet.err
    for wrong in (("--log-level", "LOUD"), ("--log-format", "xml"), ("--coverage", "pdf")):
        assert itest(*flags[:5], *wrong).code == 2, wrong


def test_a_scenario_can_have_a_platform_of_its_own(itest: Itest) -> None:
    done = itest("run", "-p", itest.profile(OWN), "--report", "json")
    assert done.code == 0, done.text


def test_isolated_scenarios_see_nothing_of_each_other(itest: Itest) -> None:
    text = OWN.replace("    target: {settings: {rate_limit_per_second: 1000}}\n", "")
    together = itest("run", "-p", itest.profile(text), "--scenario", "own", "--isolate", "--report", "json")
    assert together.code == 0, together.text
    refused = itest("run", "-p", itest.profile(text), "--isolate", "--target", "http://127.0.0.1:1")
    assert refused.code == 2, refused.text


@pytest.mark.parametrize(
    ("flags", "started"),
    [
        (("--isolate",), 2),  # one for each scenario, none that stands idle
        (("--scenario", "own"), 1),
        ((), 2),  # one for whoever needs none of its own
    ],
)
def test_no_platform_is_started_that_nobody_uses(itest: Itest, flags: tuple[str, ...], started: int) -> None:
    count = itest.folder / "count.py"
    count.write_text(
        f"open({str(itest.folder / 'starts')!r}, 'a').write('x')\nfrom pynomaly.cli import main\n\nmain()\n"
    )
    done = itest("run", "-p", itest.profile(OWN), *flags, PYNOMALY_ITEST_PLATFORM=f"{count} serve")
    assert done.code == 0, done.text
    assert (itest.folder / "starts").read_text() == "x" * started
    assert done.err.count("ready in") == 1  # the first stands for all
    assert done.run["target"]["version"]


def test_where_no_platform_starts_that_is_told_once(itest: Itest) -> None:
    broken = itest.folder / "broken.py"
    broken.write_text("raise SystemExit('there is nothing to serve')\n")
    profile = itest.profile(OWN)
    done = itest("run", "-p", profile, "--isolate", PYNOMALY_ITEST_PLATFORM=f"{broken} serve")
    assert done.code == 3, done.text
    assert done.out.count("there is nothing to serve") == 1, done.text


def test_on_a_url_what_wants_its_own_platform_is_skipped_with_the_reason(
    itest: Itest, platform: Platform
) -> None:
    profile = itest.profile(OWN)
    done = itest("run", "-p", profile, "--scenario", "own", *platform.flags, **platform.variables)
    assert done.code == 4, done.text
    assert "only the bundled one can be started" in done.run["scenarios"][0]["reason"]


def test_coverage_and_flame_graph_land_beside_the_report(itest: Itest) -> None:
    pytest.importorskip("coverage")
    done = itest("run", "-p", "smoke", "--coverage", "xml,html")
    assert done.code == 0, done.text
    folder = itest.folder / "reports" / "latest" / "coverage"
    root = ElementTree.parse(folder / "coverage.xml").getroot()  # noqa: S314 - our own file
    assert 0.4 < float(root.attrib["line-rate"]) < 1
    assert (folder / "html" / "index.html").is_file()
    page = (folder.parent / "report.html").read_text()
    assert 'href="coverage/html/index.html"' in page
    assert "flamegraph.svg" not in page
    workers = [each for each in root.iter("class") if each.attrib["filename"].endswith("workers/__main__.py")]
    assert float(workers[0].attrib["line-rate"]) > 0.5, "the processes that train are counted too"
