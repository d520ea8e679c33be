"""docs/tour.md is typed as a newcomer would, and prints what the page says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import misbehaving
from command_line import environment
from tour import commands, masked, replay

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"


def test_the_tour_prints_what_it_says(tmp_path: Path) -> None:
    told = list(commands(TOUR.read_text()))
    assert sum(command.is_server for command in told) == 1
    assert len(told) > 10
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    script = bin_folder / "pynomaly-itest"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m pynomaly_itest "$@"\n')
    script.chmod(0o755)
    project = tmp_path / "project"
    project.mkdir()
    variables = environment(PATH=f"{bin_folder}{os.pathsep}{os.environ['PATH']}", LC_ALL="C.UTF-8")
    with misbehaving.serving(lambda _, it: it.answer(200, "ok", "text/html")) as url:
        said = list(replay(told, project, variables, int(url.rpartition(":")[2])))
    typed = [command for command in told if not command.is_server]
    assert len(said) == len(typed)
    for command, output in zip(typed, said, strict=True):
        assert masked(output) == masked(command.output), command.text
