"""The command line: accounts are made, the audit is verified, and every refusal is a line and an exit code."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

PASSWORD = "plain-orchid-ferry-41-lamp\n"


@pytest.fixture
def pynomaly(tmp_path):
    def run(*arguments, password=PASSWORD):
        command = [sys.executable, "-m", "pynomaly", *arguments, "--data-dir", str(tmp_path / "data")]
        return subprocess.run(command, input=password, capture_output=True, text=True, timeout=60)

    return run


def add(pynomaly, name, role="analyst", **kwargs):
    return pynomaly("user", "add", name, "--role", role, "--password-stdin", **kwargs)


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
