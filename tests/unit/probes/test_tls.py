"""CFG-06 against real TLS servers on loopback, with a certificate made for the test."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from weak_app import WeakApp
from weak_context import context_of
from weak_serving import WeakTarget, serving

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, examine
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.tls import can_speak, context_for, write_certificate
from pynomaly_itest.registry import PROBES
from pynomaly_itest.transport.client import open_client
from pynomaly_itest.verdicts import Verdict


@contextlib.contextmanager
def tls_target(folder: Path, lowest: ssl.TLSVersion) -> Iterator[tuple[WeakTarget, ssl.SSLContext]]:
    """A server that speaks TLS from `lowest` on, and a client's context that trusts its certificate."""
    certificate, key = write_certificate(folder)
    server_side = context_for(ssl.PROTOCOL_TLS_SERVER, lowest, ssl.TLSVersion.TLSv1_3)
    server_side.load_cert_chain(certificate, key)
    (folder / "app").mkdir()
    app = WeakApp(folder / "app")
    with serving(app, certificate=(certificate, key), context=server_side) as url:
        yield WeakTarget(url, app), ssl.create_default_context(cafile=str(certificate))


def examined(target: WeakTarget, trust: ssl.SSLContext, *probes: str) -> list[Finding]:
    async def run() -> list[Finding]:
        async with open_client(target.info.url, 30.0, tls=trust) as client:
            ctx = context_of(target, client, Demands(), {})
            return [one async for one in examine([PROBES[name] for name in probes], ctx, ProbeOptions())]

    return asyncio.run(run())


def test_old_versions_of_tls_are_found(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if not can_speak(ssl.TLSVersion.TLSv1):
            pytest.skip("this OpenSSL does not speak TLS 1.0")
        with tls_target(tmp_path, ssl.TLSVersion.TLSv1) as (target, trust):
            findings = examined(target, trust, "CFG-06")
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}, findings
    assert {finding.reason for finding in findings} == {
        "a handshake with TLS 1.0 succeeded",
        "a handshake with TLS 1.1 succeeded",
    }


def test_a_server_of_today_raises_no_alarm_and_its_headers_are_looked_at(tmp_path: Path) -> None:
    with tls_target(tmp_path, ssl.TLSVersion.TLSv1_2) as (target, trust):
        tls, headers = examined(target, trust, "CFG-06", "CFG-01")
    expected = Verdict.PASSED if can_speak(ssl.TLSVersion.TLSv1) else Verdict.INCONCLUSIVE
    assert tls.verdict is expected, tls
    assert headers.verdict is Verdict.PASSED
    assert "HSTS would have no effect" not in headers.observed
