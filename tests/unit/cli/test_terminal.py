"""Terminals of every sort: no width, no signs, no folder to stand in; and names that YAML reads as something else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pynomaly_itest.cli.first_files import Ci, Wishes, files_for
from pynomaly_itest.errors import UsageError
from pynomaly_itest.events import TargetInfo, read_log
from pynomaly_itest.events.lines import encode
from pynomaly_itest.events.run import RunStarted
from pynomaly_itest.plain import SPELLED_OUT, shows
from pynomaly_itest.profile.nodes import plain
from pynomaly_itest.profile.yaml_reader import parse_yaml


def called(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pynomaly_itest", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, timeout=60)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_signs_that_a_terminal_lacks_are_words(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=SPELLED_OUT)
    assert not shows("✓✗", stream)
    stream.write("✓ ✗ ≤ ☃")
    stream.flush()
    assert stream.buffer.getvalue() == b"ok failed <= ?"  # type: ignore[attr-defined]
    code = "from pynomaly_itest.cli.console import MARKS; print(sorted(MARKS.values()))"
    said = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True
    )
    assert said.stdout.decode().split() == ["['!',", "'-',", "'?',", "'failed',", "'ok']"]


def test_a_terminal_that_says_its_width_is_nothing_shows_all_the_same() -> None:
    usual = called("list", "steps", COLUMNS="80")
    assert called("list", "steps", COLUMNS="0").stdout == usual.stdout
    assert called("explain", "4", COLUMNS="0").stdout


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code = f"import os, sys; os.chdir({str(folder)!r}); os.rmdir({str(folder)!r}); sys.argv[1:] = ['list', 'steps']\n"
    code += "from pynomaly_itest.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert b"error: the working directory is not there any more" in done.stderr


@pytest.mark.parametrize("name", ["007", "null", "true", "1e3", "yes", "release-gate"])
def test_any_name_makes_files_that_are_read_as_that_name(name: str) -> None:
    files = files_for(Wishes(name=name, ci=Ci.GITLAB))
    read: Any = plain(parse_yaml(files[f"profiles/{name}.yaml"].encode(), "x.yaml"))
    assert read["name"] == name


def test_a_log_of_a_later_version_is_not_read_as_if_it_were_ours(tmp_path: Path) -> None:
    started = RunStarted(
        at_s=0.0, run_id="r", profile="p", started_at="", tool_version="9", seed=1, plan=(),
        target=TargetInfo(kind="url", url="http://x"), log_version=99,
    )  # fmt: skip
    log = tmp_path / "run.jsonl"
    log.write_bytes(encode(started))
    with pytest.raises(UsageError, match="is an event log of version 99, this tool reads version 1"):
        list(read_log(log))
    log.write_bytes(encode(started.model_copy(update={"log_version": 1})))
    assert len(list(read_log(log))) == 1
