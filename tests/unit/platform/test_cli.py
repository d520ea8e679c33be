"""The command line: accounts are made, the audit is verified, and every refusal is a line and an exit code."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from pynomaly.app import open_foundations
from pynomaly.domain.errors import Unauthenticated
from pynomaly.security.foundation import SYSTEM
from pynomaly.settings import Settings

PASSWORD = "plain-orchid-ferry-41-lamp\n"


@pytest.fixture
def pynomaly(tmp_path):
    def run(*arguments, password=PASSWORD, environment=None):
        command = [sys.executable, "-m", "pynomaly", *arguments, "--data-dir", str(tmp_path / "data")]
        variables = os.environ | (environment or {})
        return subprocess.run(
            command, input=password, capture_output=True, text=True, timeout=60, env=variables
        )

    return run


def add(pynomaly, name, role="analyst", **kwargs):
    return pynomaly("user", "add", name, "--role", role, "--password-stdin", **kwargs)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"USERNAME": "ada"},
            "PYNOMALY_BOOTSTRAP_USERNAME is set and PYNOMALY_BOOTSTRAP_PASSWORD_FILE is not",
        ),
        (
            {"PASSWORD_FILE": "{file}"},
            "PYNOMALY_BOOTSTRAP_PASSWORD_FILE is set and PYNOMALY_BOOTSTRAP_USERNAME",
        ),
        (
            {"USERNAME": "ada", "PASSWORD_FILE": "{file}.none"},
            "no file where PYNOMALY_BOOTSTRAP_PASSWORD_FILE",
        ),
    ],
)
def test_half_of_a_first_admin_stops_the_start_and_prints_no_token(pynomaly, tmp_path, settings, told):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    environment = {f"PYNOMALY_BOOTSTRAP_{name}": value.format(file=file) for name, value in settings.items()}
    done = pynomaly("serve", "--port", "0", environment=environment)
    assert done.returncode != 0
    assert done.stderr.startswith(
        f"error: {told}" if "no file" not in told else "error: There is no account yet"
    )
    assert told in done.stderr
    assert "token for the first admin" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_password_file_of_the_first_admin_may_be_gone_later(pynomaly, tmp_path):
    assert add(pynomaly, "ada", "admin").returncode == 0
    from pynomaly.app import bootstrap, open_foundations
    from pynomaly.settings import read_settings

    environment = {
        "PYNOMALY_BOOTSTRAP_USERNAME": "ada",
        "PYNOMALY_BOOTSTRAP_PASSWORD_FILE": str(tmp_path / "gone"),
    }
    settings = read_settings(environment, data_dir=tmp_path / "data")
    foundations = open_foundations(settings)
    try:
        assert bootstrap(settings, foundations.security) is None
    finally:
        foundations.engine.dispose()


def test_an_account_is_made_once(pynomaly):
    assert add(pynomaly, "ada").returncode == 0
    again = add(pynomaly, "ada")
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize(("name", "role", "password", "code"), [
    ("ada", "emperor", PASSWORD, 2),
    ("ada", "viewer", "short\n", 1),
    ("a b", "viewer", PASSWORD, 1),
])  # fmt: skip
def test_an_account_that_can_not_be_is_refused(pynomaly, name, role, password, code):
    done = add(pynomaly, name, role, password=password)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert done.stderr.startswith("error: ")
    assert password.strip() not in done.stdout + done.stderr


def test_a_locked_account_is_unlocked_closed_opened_reset_and_promoted(pynomaly, tmp_path):
    add(pynomaly, "ada")
    security = open_foundations(Settings(data_dir=tmp_path / "data")).security

    def log_in(password=PASSWORD):
        return security.auth.authenticate_user("ada", password.strip(), "192.0.2.1", "")

    for _ in range(6):
        log_in("wrong")
    assert log_in() is None
    assert pynomaly("user", "unlock", "ada").returncode == 0
    session = log_in()
    assert session is not None
    token = security.auth.issue_tokens(session).access_token
    assert security.auth.verify_access_token(token)
    assert pynomaly("user", "disable", "Ada").stdout == "ada was closed.\n"
    with pytest.raises(Unauthenticated):
        security.auth.verify_access_token(token)  # at once, in another process
    assert log_in() is None
    assert pynomaly("user", "enable", "ada").returncode == 0
    for _ in range(6):
        log_in("wrong")
    reset = pynomaly("user", "reset", "ada", "--password-stdin", password="velvet-tractor-mango-17\n")
    assert (reset.returncode, reset.stderr) == (0, "")
    assert log_in() is None
    security.auth.unlock_user("ada", by=SYSTEM)
    user = security.auth.named_user("ada", by=SYSTEM)
    security.auth.enable_totp(user.id, "velvet-tractor-mango-17", by=SYSTEM)
    pynomaly("user", "reset", "ada", "--password-stdin", "--remove-second-factor")
    assert log_in() is not None
    assert security.auth.get_user(user.id, by=SYSTEM).totp_secret is None
    assert pynomaly("user", "role", "ada", "operator").returncode == 0
    assert security.auth.get_user(user.id, by=SYSTEM).role == "operator"
    assert pynomaly("user", "disable", "ada").stderr.startswith("error: The last active admin")


@pytest.mark.parametrize(("arguments", "code"), [
    (("unlock", "nobody"), 1),
    (("disable", "nobody"), 1),
    (("reset", "nobody", "--password-stdin"), 1),
    (("role", "nobody", "viewer"), 1),
    (("role", "nobody", "emperor"), 2),
    (("role", "nobody", "viewer", "--clearance", "HIGH"), 2),
])  # fmt: skip
def test_who_is_not_there_can_not_be_changed(pynomaly, arguments, code):
    done = pynomaly("user", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert done.stderr.startswith("error: ")


def test_the_audit_is_verified_and_the_first_broken_link_named(pynomaly, tmp_path):
    for name in ("ada", "bob", "cyd"):
        add(pynomaly, name)
    whole = pynomaly("audit", "verify")
    assert whole.returncode == 0
    assert whole.stdout.startswith(
        "The audit log is whole: 3 events.\nNot known: whether the log was emptied"
    )
    anchor = pynomaly("audit", "anchor").stdout.strip()
    held = pynomaly("audit", "verify", "--anchor", anchor)
    assert (held.returncode, held.stdout.splitlines()[1:]) == (0, ["It contains its anchor, of event 3."])
    (tmp_path / "kept").write_text(anchor)
    assert pynomaly("audit", "verify", "--anchor", str(tmp_path / "kept")).stdout == held.stdout
    assert pynomaly("audit", "verify", "--anchor", anchor[:-1]).returncode == 1
    database = sqlite3.connect(tmp_path / "data" / "pynomaly.db")
    database.execute("DROP TRIGGER audit_events_no_update")
    database.execute("UPDATE audit_events SET actor = 'mallory' WHERE sequence = 2")
    database.commit()
    database.close()
    broken = pynomaly("audit", "verify")
    assert broken.returncode == 1
    assert "broken at event 2" in broken.stderr
    database = sqlite3.connect(tmp_path / "data" / "pynomaly.db")
    database.execute("DROP TRIGGER audit_events_no_delete")
    database.execute("DELETE FROM audit_events")
    database.execute("DELETE FROM audit_head")
    database.commit()
    database.close()
    for arguments in ((), ("--anchor", anchor)):
        emptied = pynomaly("audit", "verify", *arguments)
        assert (emptied.returncode, "broken at event" in emptied.stderr) == (1, True), emptied


def test_a_data_folder_that_can_not_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    command = [
        sys.executable,
        "-m",
        "pynomaly",
        "audit",
        "verify",
        "--data-dir",
        str(tmp_path / "file" / "x"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
