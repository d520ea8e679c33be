"""The command line: accounts are made, the audit is verified, and every refusal is a line and an exit code."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

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


def test_the_audit_is_verified_and_the_first_broken_link_named(pynomaly, tmp_path):
    for name in ("ada", "bob", "cyd"):
        add(pynomaly, name)
    whole = pynomaly("audit", "verify")
    assert (whole.returncode, whole.stdout) == (0, "The audit log is whole: 3 events.\n")
    database = sqlite3.connect(tmp_path / "data" / "pynomaly.db")
    database.execute("DROP TRIGGER audit_events_no_update")
    database.execute("UPDATE audit_events SET actor = 'mallory' WHERE sequence = 2")
    database.commit()
    database.close()
    broken = pynomaly("audit", "verify")
    assert broken.returncode == 1
    assert "broken at event 2" in broken.stderr


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
