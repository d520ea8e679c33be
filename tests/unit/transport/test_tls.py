"""Own authorities and client certificates, for everything that asks; and why a certificate is not trusted."""

from __future__ import annotations

from pathlib import Path

import misbehaving
import pytest
from authority import authority, issued, server_side
from on_a_url import run_on

from pynomaly_itest.comparison.asking import Asker, Door, WrongAnswer, check
from pynomaly_itest.errors import ProfileError, UsageError
from pynomaly_itest.load import Endpoint
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.transport.tls import KEY_PASSWORD, SYSTEM, Tls
from pynomaly_itest.verdicts import Verdict

HEAD = "version: 1\nname: t\n"
ONE = "scenarios:\n  - id: s\n    steps:\n      - request: {path: /}\n"
ALL = """scenarios:
  - id: s
    steps:
      - request: {path: /}
      - measure: {step: {request: {path: /}}, repeat: 3, warmup: 0}
      - load: {request: {path: /}, executor: shared-iterations, vus: 1, iterations: 5, workers: 1, verify: true}
        save: l
    gates: [l.failures == 0]
"""


@pytest.fixture(autouse=True)
def nobody_says_whom_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", KEY_PASSWORD):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ca(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority())
    return str(file)


def answering(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, '{"ok": true}')


@pytest.mark.parametrize("asks", [False, True])
def test_requests_load_and_comparisons_trust_and_show_the_same(tmp_path: Path, ca: str, asks: bool) -> None:
    tls = Tls(ca, issued("client").write(tmp_path / "client.pem")) if asks else Tls(ca)
    context = server_side(tmp_path, issued("localhost"), asks_for_clients=asks)
    with misbehaving.serving(answering, context) as url:
        result = run_on(url, tmp_path / "run", HEAD + ALL, tls=tls)
        assert result.scenarios[0].verdict is Verdict.PASSED, result.scenarios[0].reason
        door = Door(url, tls=tls)
        asker = Asker(door)
        check(asker, Endpoint(), door.request(Endpoint(), b""))
        asker.close()
        with pytest.raises(WrongAnswer):
            Asker(Door(url)).connect()


def test_a_profile_says_whom_to_trust_and_a_flag_says_it_stronger(tmp_path: Path, ca: str) -> None:
    profile = f"{HEAD}tls: {{ca: {Path(ca).name}}}\n{ONE}"
    with misbehaving.serving(answering, server_side(tmp_path, issued("localhost"))) as url:
        assert run_on(url, tmp_path, profile).exit_code == 0
        other = issued("other").write(tmp_path / "other.pem")
        assert run_on(url, tmp_path, profile, tls=Tls(ca=other)).exit_code == 3
    own = Tls("a", "c", "k")
    assert Tls(ca="x").over(own) == Tls("x", "c", "k")
    assert Tls(cert="x").over(own) == Tls("a", "x", None)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_usual_variables_are_heeded(
    tmp_path: Path, ca: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with misbehaving.serving(answering, server_side(tmp_path, issued("localhost"))) as url:
        monkeypatch.setenv(name, ca)
        assert run_on(url, tmp_path / "run", HEAD + ONE).exit_code == 0
        monkeypatch.setenv(name, str(tmp_path / "absent.pem"))
        with pytest.raises(UsageError, match=f"{name}.*no such file"):
            SYSTEM.context()


@pytest.mark.parametrize(
    ("server", "trusted", "told"),
    [
        (issued("localhost"), False, "unable to get local issuer certificate"),
        (issued("localhost", days=-1), True, "certificate has expired"),
        (issued("elsewhere", address="127.0.0.9"), True, "IP address mismatch"),
    ],
    ids=["unknown", "expired", "another's"],
)
def test_which_certificate_is_not_trusted_and_why(
    tmp_path: Path, ca: str, server: object, trusted: bool, told: str
) -> None:
    context = server_side(tmp_path, server)  # type: ignore[arg-type]
    with misbehaving.serving(answering, context) as url:
        result = run_on(url, tmp_path / "run", HEAD + ONE, tls=Tls(ca) if trusted else SYSTEM)
    assert result.exit_code == 3
    assert result.aborted is not None
    for part in (told, "subject CN=", "issued by CN=Test CA", "valid from", "no trusted connection"):
        assert part in result.aborted.message
    assert "--ca" in (result.aborted.hint or "")


def test_a_server_that_asks_for_a_certificate_is_told_as_that(tmp_path: Path, ca: str) -> None:
    context = server_side(tmp_path, issued("localhost"), asks_for_clients=True)
    with misbehaving.serving(answering, context) as url:
        result = run_on(url, tmp_path / "run", HEAD + ONE, tls=Tls(ca))
    assert result.exit_code == 3
    assert result.aborted is not None
    assert "asks for a client's certificate (--cert, --key)" in result.aborted.message


def test_files_that_are_no_good_are_told_before_anything_is_sent(
    tmp_path: Path, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = issued("one", password=b"secret"), issued("other")
    (tmp_path / "cert.pem").write_bytes(one.certificate)
    (tmp_path / "key.pem").write_bytes(one.key)
    (tmp_path / "other.pem").write_bytes(other.key)
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    for tls, told in (
        (Tls(ca="absent.pem"), "no such file"),
        (Tls(ca=key), "no certificates in PEM form"),
        (Tls(cert="absent.pem"), "no such file"),
        (Tls(cert=cert), "no certificate with its key"),
        (Tls(cert=cert, key=str(tmp_path / "other.pem")), "is not the key of certificate"),
        (Tls(cert=cert, key=key), "encrypted"),
        (Tls(key=key), "needs the certificate"),
    ):
        with pytest.raises(UsageError, match=told) as caught:
            tls.context()
        assert "secret" not in caught.value.message
    monkeypatch.setenv(KEY_PASSWORD, "wrong")
    with pytest.raises(UsageError, match=r"does not open|no certificate with its key"):
        Tls(cert=cert, key=key).context()
    monkeypatch.setenv(KEY_PASSWORD, "secret")
    assert Tls(ca, cert, key).context().get_ca_certs()


def test_a_profile_whose_files_are_not_there_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    for block, told in (
        ("{ca: absent.pem}", "there is no file 'absent.pem'"),
        ("{key: p.yaml}", "needs the cert"),
    ):
        file.write_text(f"{HEAD}tls: {block}\n{ONE}")
        with pytest.raises(ProfileError) as caught:
            load([str(file)], Overrides())
        assert [told in mistake.message for mistake in caught.value.mistakes] == [True]
