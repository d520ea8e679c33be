"""The documentation: it builds without a warning, holds all that is registered, and its examples are valid."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml
from command_line import environment

from pynomaly_itest.probing.authorisation import permission_for
from pynomaly_itest.probing.waivers import Waivers
from pynomaly_itest.profile.loader import validate
from pynomaly_itest.reference import FAMILIES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
YAML = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}-{number}", text)
        for page in PAGES
        for number, text in enumerate(YAML.findall(page.read_text()), start=1)
        if not text.startswith("--8<--")
    ]


def test_the_documentation_builds_without_a_warning_and_is_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=environment(NO_MKDOCS_2_WARNING="1"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    for family in FAMILIES:
        shown = (tmp_path / "reference" / f"{family.name}.html").read_text()
        missing = [page.name for page in family.pages() if f"<code>{_escaped(page.name)}</code>" not in shown]
        assert missing == [], family.name
    assert "examples/own-kinds" in (tmp_path / "cookbook" / "own-kinds.html").read_text()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize(("where", "text"), blocks(), ids=[where for where, _ in blocks()])
def test_yaml_in_the_documentation_is_what_it_claims_to_be(where: str, text: str, tmp_path: Path) -> None:
    loaded = yaml.safe_load(text)
    if not isinstance(loaded, dict):
        return
    file = tmp_path / "example.yaml"
    file.write_text(text)
    if "authorisations" in loaded:
        origin = loaded["authorisations"][0]["origin"]
        assert permission_for(origin, file, date(2027, 1, 1), "it is asked for").owner
    elif "waivers" in loaded:
        assert Waivers.read(file, date(2027, 1, 1)).entries
    elif "scenarios" in loaded and not any("python" in each for each in loaded["scenarios"]):
        head = "" if "version" in loaded else "version: 1\nname: example\n"
        file.write_text(head + text)
        (tmp_path / "payments.csv").write_text("a,b,is_fraud\n1,2,0\n3,4,1\n")
        assert [mistake.render() for mistake in validate([str(file)])] == []
