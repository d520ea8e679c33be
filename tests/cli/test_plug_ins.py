"""Kinds of another package: the example in `examples/own-kinds`, installed as its user would, found and used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import misbehaving
import pytest
from command_line import Itest, Platform

EXAMPLE = Path(__file__).parents[2] / "examples" / "own-kinds"
PROFILE = str(EXAMPLE / "profile.yaml")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables with which Python finds the example's package; nothing of this environment is changed."""
    folder = tmp_path_factory.mktemp("installed")
    flags = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, "--target", str(folder), str(EXAMPLE)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": str(folder)}


def test_installed_kinds_are_listed_explained_and_checked(itest: Itest, installed: dict[str, str]) -> None:
    assert itest("list", "steps", **installed).out.count("\nping ") == 1
    assert "ACME-01" in itest("list", "probes", **installed).out
    assert "the quickest of the answers" in itest("explain", "ping", **installed).out
    assert '"ping"' in itest("schema", **installed).out
    assert itest("validate", PROFILE, **installed).code == 0
    without = itest("validate", PROFILE)
    assert without.code == 2
    assert "unknown step 'ping'" in without.err


def test_the_probe_and_the_step_pass_on_a_platform_and_fail_where_they_should(
    itest: Itest, installed: dict[str, str], platform: Platform
) -> None:
    green = itest(
        "run", "-p", PROFILE, "--fail-on", "low", *platform.flags, **platform.variables, **installed
    )
    assert green.code == 0, green.text
    assert [finding["id"] for finding in green.run["findings"]] == ["ACME-01"]

    def telling(_: str, connection: misbehaving.Connection) -> None:
        connection.answer(200, '{"status": "ok"}', Server="acme/1.2.3")

    with misbehaving.serving(telling) as url:
        red = itest("run", "-p", PROFILE, "--fail-on", "low", "--target", url, **installed)
    assert red.code == 1, red.text
    assert "Server: acme/1.2.3" in red.out or "server: acme/1.2.3" in red.out
    near = itest("run", "-p", PROFILE, "--scenario", "near", "--target", "http://127.0.0.1:1", **installed)
    assert near.code in (1, 3), near.text


def test_a_plug_in_that_is_broken_is_named_in_one_line(
    itest: Itest, installed: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "acme_itest").mkdir()
    (tmp_path / "acme_itest" / "__init__.py").write_text("")
    (tmp_path / "acme_itest" / "steps.py").write_text("raise RuntimeError('half written')")
    broken = {"PYTHONPATH": f"{tmp_path}:{installed['PYTHONPATH']}"}
    done = itest("list", "steps", **broken)
    assert done.code == 2
    assert done.err.startswith(
        "error: the plug-in acme-itest (acme_itest.steps) can't be loaded: RuntimeError: half written\n"
    )
    assert "Traceback" not in done.text
