"""How probes are run: controls, preconditions, budgets, a target that dies, and what a finding may hold."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from weak_app import WeakApp
from weak_context import context_of
from weak_examined import examined
from weak_serving import WeakTarget, serving
from weak_store import ADMIN_PASSWORD

from pynomaly_itest.errors import UsageError
from pynomaly_itest.probes.aut_06 import TellingTime
from pynomaly_itest.probing.authorisation import origin_of, permission_for
from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, counts, curl_line, examine, fingerprint
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.probe import Probe, Severity
from pynomaly_itest.probing.waivers import Waiver, Waivers
from pynomaly_itest.redaction import HIDDEN
from pynomaly_itest.registry import PROBES
from pynomaly_itest.steps.probe import ProbeStep
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.transport.client import open_client
from pynomaly_itest.transport.departures import is_ours
from pynomaly_itest.verdicts import Verdict

Tried = Callable[..., list[Finding]]


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_says_of_itself_what_a_report_needs(name: str) -> None:
    probe = PROBES[name]
    assert probe.id == name
    assert probe.__module__.rpartition(".")[2] == name.lower().replace("-", "_")
    assert all(len(text) > 10 for text in (probe.title, probe.why, probe.mend))
    assert probe.expected
    assert probe.references
    assert probe.all_references()[0] == f"CWE-{probe.cwe}"
    assert set(probe.needs) <= {"admin", "admin_b", "user_a", "user_b", "peer", "viewer"}


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        ("JWT-04", "there is no public key"),
        ("JWT-05", "the signing key is not known"),
        ("AZ-03", "declares no policy"),
        ("AZ-05", "declares no fields"),
        ("CFG-06", "loopback is exempt"),
    ],
)
def test_a_missing_precondition_is_a_skip_with_its_reason(tried: Tried, probe: str, reason: str) -> None:
    (finding,) = tried(probe)
    assert finding.verdict is Verdict.SKIPPED
    assert reason in str(finding.reason)


@pytest.fixture
def app(tmp_path: Path) -> WeakApp:
    return WeakApp(tmp_path)


def test_without_an_account_every_probe_that_needs_one_is_skipped(app: WeakApp) -> None:
    def nobody(target: WeakTarget, _: Any) -> None:
        target.credentials = Credentials()

    needy = [name for name in PROBES if PROBES[name].needs]
    findings = examined(app, *needy, change=nobody)
    assert {finding.verdict for finding in findings} == {Verdict.SKIPPED}
    assert all("no admin account" in str(finding.reason) for finding in findings)


def let_everybody_in(app: WeakApp) -> None:
    account = next(iter(app.store.accounts.values()))
    app.tokens.verify = lambda *_: {"sub": account.id, "sid": "any"}  # type: ignore[method-assign]
    app.store.sessions["any"] = account.id


def refuse_everybody(app: WeakApp) -> None:
    app.tokens.verify = lambda *_: None  # type: ignore[method-assign]


@pytest.mark.parametrize("family", ["JWT-01", "JWT-02", "JWT-03", "JWT-08", "SES-02"])
@pytest.mark.parametrize("spoil", [let_everybody_in, refuse_everybody])
def test_a_control_that_does_not_behave_is_inconclusive_never_a_pass(
    app: WeakApp, family: str, spoil: Callable[[WeakApp], None]
) -> None:
    made = examined(app, family)
    assert made[0].verdict is Verdict.PASSED

    def spoilt(_: WeakTarget, ctx: Any) -> None:
        find = ctx.actors.get

        async def get(name: str) -> Any:
            actor = await find(name)
            await actor.headers()
            spoil(app)
            return actor

        ctx.actors.get = get

    (finding,) = examined(app, family, change=spoilt)
    assert finding.verdict is Verdict.INCONCLUSIVE, finding
    assert str(finding.reason).startswith("control: ")


def test_a_budget_ends_a_probe_before_it_is_overdrawn(app: WeakApp) -> None:
    (finding,) = examined(app, "JWT-01", budget={"requests": 5})
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "the budget of 5 requests is used up" in str(finding.reason)
    (finding,) = examined(app, "AUT-03", budget={"lockouts": 0})
    assert "the budget of 0 lockouts" in str(finding.reason)
    (finding,) = examined(app, "RES-02", budget={"sent_mb": 1.0}, max_json_mb=5.0)
    assert "bytes is used up" in str(finding.reason)


def test_the_probes_stop_where_the_target_dies(app: WeakApp) -> None:
    special, seen = app._special, []

    def dying(request: Any) -> Any:
        seen.append(request.path)
        if any("logout" in path for path in seen):
            raise RuntimeError("down")
        return special(request)

    app._special = dying  # type: ignore[method-assign]

    def fast(_: WeakTarget, ctx: Any) -> None:
        ctx.sleep = lambda _: asyncio.sleep(0)

    findings = examined(app, "SES-01", "JWT-01", "JWT-02", change=fast)
    assert [finding.probe.id for finding in findings] == ["SES-01", "SES-01", "JWT-01", "JWT-02"]
    down = findings[1]
    assert (down.verdict, down.reason) == (Verdict.FAILED, "the target no longer answers its health check")
    assert {finding.verdict for finding in findings[2:]} == {Verdict.ERROR}
    assert "stopped answering during SES-01" in str(findings[2].reason)


def test_a_bug_of_a_probe_is_an_error_and_the_others_go_on(
    app: WeakApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise KeyError("id")

    monkeypatch.setattr(PROBES["JWT-01"], "run", broken)
    first, second = examined(app, "JWT-01", "JWT-02")
    assert first.verdict is Verdict.ERROR
    assert "bug of the probe" in str(first.reason)
    assert second.verdict is Verdict.PASSED


def test_fingerprints_stay_and_secrets_are_not_in_findings(tmp_path: Path) -> None:
    runs = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        app = WeakApp(tmp_path / str(number), "JWT-02", "AZ-01", "AUT-02")
        findings = examined(app, "JWT-02", "AZ-01", "AUT-02")
        runs.append(sorted(finding.fingerprint for finding in findings))
        shown = repr([replace(finding, probe=Probe) for finding in findings])
        secrets = [account.password for account in app.store.accounts.values() if len(account.password) > 8]
        assert ADMIN_PASSWORD in secrets
        assert not [secret for secret in secrets if secret in shown]
        assert "eyJ" not in shown
    assert runs[0] == runs[1]


def test_the_curl_line_runs_as_it_is(tmp_path: Path) -> None:
    app = WeakApp(tmp_path, "AZ-01")
    with serving(app) as url:
        target = WeakTarget(url, app)

        async def run() -> tuple[Finding, str]:
            async with open_client(url, 30.0) as client:
                ctx = context_of(target, client, Demands(), {})
                findings = [one async for one in examine([PROBES["AZ-01"]], ctx, ProbeOptions())]
                found = next(one for one in findings if one.where == "GET /api/v1/datasets/{id}/sample")
                return found, await (await ctx.actors.get("peer")).token()

        finding, token = asyncio.run(run())
        assert finding.exchange is not None
        assert "$PYNOMALY_ITEST_TOKEN" in finding.curl
        done = subprocess.run(
            ["/bin/sh", "-c", finding.curl],
            env={"PYNOMALY_ITEST_TOKEN": token, "PATH": "/usr/bin:/bin", "no_proxy": "*"},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[1] in ("200", "404")  # the probe itself deleted the dataset in the end


def test_a_targets_text_can_not_leave_its_quotes_in_a_curl_line() -> None:
    from pynomaly_itest.events import Exchange

    line = curl_line(Exchange(method="GET", url="http://h/'; rm -rf $HOME; '", request_body="$(id)`id`'"))
    words = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {line.removeprefix('curl')}"], capture_output=True, text=True
    )
    assert "http://h/'; rm -rf $HOME; '" in words.stdout.splitlines()
    assert "$(id)`id`'" in words.stdout.splitlines()


def test_a_secret_of_a_body_comes_from_the_variable_too() -> None:
    from pynomaly_itest.events import Exchange

    exchange = Exchange(
        method="POST",
        url="http://h/login",
        request_headers={"X-API-Key": HIDDEN, "Authorization": HIDDEN, "Content-Length": "9"},
        request_body=f"username=a&password={HIDDEN}&x=1",
    )
    line = curl_line(exchange).removeprefix("curl")
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {line}"],
        env={"PYNOMALY_ITEST_TOKEN": "se cret$"},
        capture_output=True,
        text=True,
    )
    assert "username=a&password=se cret$&x=1" in done.stdout.splitlines()
    assert {"X-API-Key: se cret$", "Authorization: Bearer se cret$"} <= set(done.stdout.splitlines())
    assert "Content-Length" not in done.stdout


@pytest.mark.parametrize(
    ("known_ms", "noise_ms", "verdict"),
    [
        (50.0, 2.0, Verdict.PASSED),
        (80.0, 2.0, Verdict.FAILED),
        (20.0, 2.0, Verdict.FAILED),
        (50.0, 400.0, Verdict.INCONCLUSIVE),
    ],
)
def test_times_are_judged_with_confidence_or_not_at_all(
    app: WeakApp, known_ms: float, noise_ms: float, verdict: Verdict
) -> None:
    source = random.Random(1)  # noqa: S311 - noise

    class Timed(TellingTime):
        @staticmethod
        async def _time(_: Any, username: str) -> float:
            base = 50.0 if "nobody" in username else known_ms
            return base + source.uniform(0, noise_ms)

    with serving(app) as url:

        async def run() -> list[Finding]:
            async with open_client(url, 30.0) as client:
                ctx = context_of(WeakTarget(url, app), client, Demands(), {})
                return [one async for one in examine([Timed], ctx, ProbeOptions())]

        (finding,) = asyncio.run(run())
    assert finding.verdict is verdict, finding


def test_waivers_hold_by_fingerprint_until_their_day() -> None:
    mark = fingerprint("JWT-01", "GET /x", "alg none")
    waiver = Waiver(fingerprint=mark, owner="ada", reason="known", expires=date(2030, 1, 2))
    assert Waivers((waiver,), date(2030, 1, 2)).holder(mark) == "ada until 2030-01-02: known"
    assert Waivers((waiver,), date(2030, 1, 3)).holder(mark) is None
    assert Waivers((waiver,), date(2030, 1, 3)).expired() == (waiver,)
    assert Waivers((waiver,), date(2029, 1, 1)).holder("0" * 32) is None


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [("critical", "high", True), ("high", "high", True), ("medium", "high", False), ("low", "low", True)],
)
def test_a_finding_counts_from_the_severity_on_that_fails_a_run(
    severity: str, fail_on: str, expected: bool
) -> None:
    probe = next(PROBES[name] for name in PROBES if PROBES[name].severity == severity)
    finding = Finding(probe, Verdict.FAILED, "0" * 32)
    assert counts(finding, Severity(fail_on)) is expected
    assert not counts(replace(finding, waived_by="ada"), Severity(fail_on))


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8000", True),
        ("http://localhost:1", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.nip.io", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("http://[::ffff:10.0.0.1]", False),
        ("https://example.org", False),
    ],
)
def test_only_this_machines_loopback_needs_no_permission(url: str, ours: bool) -> None:
    assert is_ours(url) is ours


def test_permission_is_for_an_exact_origin(tmp_path: Path) -> None:
    path = tmp_path / "allowed.yaml"
    path.write_text(
        "authorisations:\n- {origin: 'https://a.example', owner: ada, expires: 2030-01-01, max_impact: M}\n"
    )
    today = date(2029, 1, 1)
    assert permission_for("https://a.example:443/base", path, today, "x").max_impact == "M"
    for url in (
        "http://a.example",
        "https://a.example:8443",
        "https://b.a.example",
        "https://a.example.evil",
    ):
        with pytest.raises(UsageError, match="nothing was sent"):
            permission_for(url, path, today, "x")
    with pytest.raises(UsageError, match="ended on 2030-01-01"):
        permission_for("https://a.example", path, date(2030, 1, 2), "x")
    assert origin_of("https://[::1]/x") == "https://[::1]:443"


def test_an_authorisation_bounds_the_impact(app: WeakApp) -> None:
    with serving(app) as url:

        async def run() -> list[Finding]:
            async with open_client(url, 30.0) as client:
                ctx = context_of(WeakTarget(url, app), client, Demands(), {})
                probes = [PROBES[name] for name in ("JWT-01", "SES-01", "AUT-03")]
                return [one async for one in examine(probes, ctx, ProbeOptions(max_impact="R"))]

        reads, changes, disrupts = asyncio.run(run())
    assert reads.verdict is Verdict.PASSED
    assert {changes.verdict, disrupts.verdict} == {Verdict.SKIPPED}
    assert "no impact above R" in str(changes.reason)


def test_probes_are_chosen_by_id_family_and_severity() -> None:
    def ids(**config: Any) -> list[str]:
        return [probe.id for probe in ProbeStep.model_validate(config).chosen()]

    assert ids(select=["JWT-01", "SES"]) == ["JWT-01", *(f"SES-0{number}" for number in range(1, 6))]
    assert ids(select="CFG", severity="high") == ["CFG-02", "CFG-06", "CFG-07"]
    assert ids(select="AUD", exclude=["AUD-01"]) == [f"AUD-0{number}" for number in range(2, 7)]
    assert len(ids()) == len(PROBES)
    with pytest.raises(ValueError, match="did you mean 'JWT-01'"):
        ids(select="JWT-1")


def test_a_condition_that_decides_and_one_that_gives_everything_are_two_findings(tried: Tried) -> None:
    reasons = {finding.reason for finding in tried("INP-03", "INP-03")}
    assert any("a true condition was answered 200" in str(reason) for reason in reasons)
    assert "everything: answered 200" in reasons


def test_a_huge_page_that_may_have_been_capped_is_inconclusive(app: WeakApp) -> None:
    app.caps_silently = True
    (finding,) = examined(app, "RES-05")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "whether it was capped can't be seen" in str(finding.reason)
