"""The security profile end to end: findings, --fail-on, waivers, permission, replay, and no secret anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest
from weak_app import WeakApp
from weak_serving import serving
from weak_store import ADMIN_PASSWORD

PROFILE = """
version: 1
name: mine
scenarios:
  - id: tokens
    steps:
      - probe: {select: [JWT-01, JWT-02]}
        save: found
    gates: [found.error == 0]
  - id: errors
    steps:
      - probe: CFG-05
"""
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date()
YESTERDAY = (datetime.now(UTC) - timedelta(days=2)).date()


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[Any]:
    """Serves an application whose holes a test opens and closes; `url` is where."""
    folder = tmp_path / "weak"
    folder.mkdir()
    app = WeakApp(folder)
    with serving(app) as url:
        app.url = url  # type: ignore[attr-defined]
        yield app


def open_holes(app: WeakApp, *holes: str) -> None:
    app.holes = app.store.holes = app.tokens.holes = frozenset(holes)


def run_on(itest: Itest, app: Any, *flags: str, profile: str = PROFILE) -> Finished:
    path = itest.profile(profile)
    target = ("--target", app.url, "--user", "root-user")
    return itest("run", "-p", path, *target, *flags, PYNOMALY_ITEST_PASSWORD=ADMIN_PASSWORD)


def verdicts(done: Finished) -> dict[str, str]:
    return {finding["id"]: finding["verdict"] for finding in done.run["findings"]}


def test_a_critical_hole_fails_the_run_and_leaves_all_that_is_needed_to_mend_it(
    itest: Itest, weak: Any
) -> None:
    open_holes(weak, "JWT-01")
    done = run_on(itest, weak, "--report", "json,sarif,html,markdown")
    assert done.code == 1, done.text
    assert verdicts(done) == {"JWT-01": "failed", "JWT-02": "passed", "CFG-05": "passed"}
    failed = [finding for finding in done.run["findings"] if finding["verdict"] == "failed"]
    assert len({finding["fingerprint"] for finding in failed}) == len(failed) == 8
    first = failed[0]
    assert first["severity"] == "critical"
    assert first["where"] == "GET /api/v1/auth/me"
    assert first["curl"].startswith("curl ")
    assert "$PYNOMALY_ITEST_TOKEN" in first["curl"]
    assert {"CWE-347", "API2:2023"} <= set(first["references"])
    assert all(first[part] for part in ("title", "expected", "observed", "why", "mend"))
    sarif = json.loads((itest.folder / "reports/latest/results.sarif").read_text())["runs"][0]
    results = [result for result in sarif["results"] if result["ruleId"] == "JWT-01"]
    assert {result["level"] for result in results} == {"error"}
    assert results[0]["partialFingerprints"]["pynomalyItest/v1"] == first["fingerprint"]


def test_a_medium_hole_is_reported_and_fails_only_where_that_is_asked_for(itest: Itest, weak: Any) -> None:
    open_holes(weak, "CFG-05")
    lenient = run_on(itest, weak)
    assert lenient.code == 0, lenient.text
    assert verdicts(lenient)["CFG-05"] == "failed"
    assert run_on(itest, weak, "--fail-on", "medium").code == 1
    assert run_on(itest, weak, "--fail-on", "sometimes").code == 2


def test_a_waiver_holds_until_its_day_and_the_finding_stays_in_the_report(itest: Itest, weak: Any) -> None:
    open_holes(weak, "JWT-02")
    red = run_on(itest, weak)
    prints = [finding["fingerprint"] for finding in red.run["findings"] if finding["verdict"] == "failed"]
    assert red.code == 1
    assert prints

    def waived(until: object) -> Finished:
        entries = [
            {"fingerprint": each, "owner": "ada", "reason": "known", "expires": str(until)} for each in prints
        ]
        (itest.folder / "waivers.yaml").write_text(json.dumps({"waivers": entries}))
        return run_on(itest, weak, "--waivers", "waivers.yaml")

    green = waived(TOMORROW)
    assert green.code == 0, green.text
    shown = [finding for finding in green.run["findings"] if finding["id"] == "JWT-02"]
    assert {finding["verdict"] for finding in shown} == {"failed"}
    assert all("ada" in finding["waived_by"] for finding in shown)
    red_again = waived(YESTERDAY)
    assert red_again.code == 1
    assert "the waiver of ada" in red_again.err


@pytest.mark.parametrize(
    "text", ["waivers: [{fingerprint: x}]", "[]", "waivers: &a [*a]", "waivers: {", "waivers: [{owner: 1}]"]
)
def test_a_waiver_file_that_is_wrong_is_exit_2_before_anything_runs(
    itest: Itest, weak: Any, text: str
) -> None:
    (itest.folder / "waivers.yaml").write_text(text)
    done = run_on(itest, weak, "--waivers", "waivers.yaml")
    assert done.code == 2, done.text
    assert "waivers.yaml" in done.err
    assert not (itest.folder / "reports").exists()


def test_replay_says_still_there_then_fixed_then_that_it_can_not_tell(itest: Itest, weak: Any) -> None:
    open_holes(weak, "JWT-02")
    assert run_on(itest, weak).code == 1
    old = (itest.folder / "reports" / "latest").resolve()

    def replayed() -> Finished:
        return itest("replay", str(old), "JWT-02", PYNOMALY_ITEST_PASSWORD=ADMIN_PASSWORD)

    still = replayed()
    assert still.code == 1, still.text
    assert "still there  JWT-02" in still.out
    open_holes(weak)
    fixed = replayed()
    assert fixed.code == 0, fixed.text
    assert "fixed        JWT-02" in fixed.out
    weak.tokens.issue = lambda *_: "opaque"
    unknown = replayed()
    assert unknown.code == 4, unknown.text
    assert "fixed" not in unknown.out
    assert itest("replay", str(old), "AZ-01").code == 2


def test_probing_an_origin_beyond_this_machine_is_refused_without_a_byte(itest: Itest) -> None:
    heard = threading.Event()
    with misbehaving.serving(lambda *_: heard.set()) as url:
        # the name resolves to this machine, but only the origin's own words count
        named = url.replace("127.0.0.1", "itest.localhost.invalid")
        profile = itest.profile(PROFILE)
        done = itest("run", "-p", profile, "--target", named)
        assert done.code == 2, done.text
        assert "nothing was sent" in done.err
        entry = {"origin": named, "owner": "ada", "expires": str(YESTERDAY), "max_impact": "D"}
        (itest.folder / "allowed.yaml").write_text(json.dumps({"authorisations": [entry]}))
        flags = ("run", "-p", profile, "--target", named, "--authorisations", "allowed.yaml")
        assert "ended on" in itest(*flags).err
        (itest.folder / "allowed.yaml").write_text(
            json.dumps(
                {"authorisations": [{**entry, "origin": "https://other.invalid", "expires": str(TOMORROW)}]}
            )
        )
        assert itest(*flags).code == 2
        assert not heard.is_set()
        (itest.folder / "allowed.yaml").write_text(
            json.dumps({"authorisations": [{**entry, "expires": str(TOMORROW)}]})
        )
        assert itest(*flags).code == 3  # permitted, but the name has no address


LOAD = """
version: 1
name: load
scenarios:
  - id: many
    steps:
      - load: {request: {path: /x}, executor: constant-arrival-rate, rate: RATE, duration: 1s}
"""


@pytest.mark.parametrize(
    ("rate", "code"), [("50/s", 2), ("601/min", 2), ("5/s, stages: []", 2), ("10/s", 3), ("600/min", 3)]
)
def test_load_beyond_this_machine_needs_permission_above_ten_requests_a_second(
    itest: Itest, rate: str, code: int
) -> None:
    done = itest("run", "-p", itest.profile(LOAD.replace("RATE", rate)), "--target", "http://itest.invalid")
    assert done.code == code, done.text
    assert ("nothing was sent" in done.err) is (code == 2)


def test_dry_run_lists_every_probe_with_its_impact_and_sends_nothing(itest: Itest) -> None:
    done = itest("run", "-p", "security", "--dry-run", "--target", "http://127.0.0.1:9")
    assert done.code == 0, done.text
    assert "RES-02  high     D" in done.out
    assert "AZ-03  critical M" in done.out


def test_disruptive_probes_of_a_url_need_to_be_allowed(itest: Itest, weak: Any) -> None:
    profile = PROFILE + "  - id: locks\n    steps: [{probe: AUT-03}]\n"
    skipped = run_on(itest, weak, profile=profile)
    assert verdicts(skipped)["AUT-03"] == "skipped"
    assert skipped.code == 0, skipped.text
    allowed = run_on(itest, weak, "--allow-disruptive", profile=profile)
    assert verdicts(allowed)["AUT-03"] == "passed"


def test_no_password_or_token_is_in_any_file_or_on_the_screen(itest: Itest, weak: Any) -> None:
    open_holes(weak, "JWT-01", "AUT-05", "DAT-02")
    signing = "planted-signing-key-0123456789abcdef"
    done = itest(
        *("run", "-p", itest.profile(PROFILE.replace("[JWT-01, JWT-02]", "[JWT, AUT-05, SES]"))),
        *(
            "--target",
            weak.url,
            "--user",
            "root-user",
            "--report",
            "json,sarif,html,junit,markdown,csv",
            "-v",
        ),
        PYNOMALY_ITEST_PASSWORD=ADMIN_PASSWORD,
        PYNOMALY_ITEST_SIGNING_KEY=signing,
    )
    assert done.code == 1, done.text
    secrets = {ADMIN_PASSWORD, signing, *(account.password for account in weak.store.accounts.values())}
    secrets |= {line.rpartition(" with ")[2] for line in weak.store.log if "itest-not" not in line}
    written = [path for path in (itest.folder / "reports").rglob("*") if path.is_file()]
    assert len(written) >= 6
    texts = {path.name: path.read_text(errors="replace") for path in written} | {"the screen": done.text}
    for name, text in texts.items():
        assert not [secret for secret in secrets if secret in text], name
        assert "eyJ" not in text, name


def test_the_bundled_platform_keeps_the_policy_and_the_fields_that_the_profile_declares(itest: Itest) -> None:
    chosen = [word for probe in ("JWT", "AZ-03", "AZ-05", "CFG", "DAT") for word in ("--probe", probe)]
    done = itest("run", "-p", "security", *chosen, timeout_s=200)
    assert done.code == 0, done.text
    skipped = {name for name, verdict in verdicts(done).items() if verdict == "skipped"}
    assert skipped == {"JWT-04", "CFG-06"}
    assert {"AZ-03", "AZ-05", "DAT-03", "JWT-05"} <= {
        name for name, verdict in verdicts(done).items() if verdict == "passed"
    }
