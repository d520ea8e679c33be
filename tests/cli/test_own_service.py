"""docs/own-service.md is typed as the owner of a service would, and prints what the page says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import plain
from command_line import environment
from tour import commands, masked, replay

PAGE = Path(__file__).parents[2] / "docs" / "own-service.md"


def test_the_page_prints_what_it_says(tmp_path: Path) -> None:
    told = list(commands(PAGE.read_text()))
    assert len(told) == 6
    script = tmp_path / "bin" / "pynomaly-itest"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m pynomaly_itest "$@"\n')
    script.chmod(0o755)
    project = tmp_path / "project"
    project.mkdir()
    plain.write_csv(project / "test.csv")
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    variables = environment(PATH=path, LC_ALL="C.UTF-8", SERVICE_KEY=plain.KEY)
    with plain.serving(plain.Plain(key=plain.KEY).app()) as url:
        said = list(replay(told, project, variables, int(url.rpartition(":")[2])))
    for command, output in zip(told, said, strict=True):
        assert masked(output) == masked(command.output), command.text
