"""The JSON Schema that editors get: current, valid, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pynomaly_itest.profile.finder import profile_folders
from pynomaly_itest.profile.loader import validate
from pynomaly_itest.profile.schema import profile_schema

REPOSITORY = Path(__file__).parents[3]
FILE = REPOSITORY / "schema" / "profile.schema.json"
PROFILES = sorted((REPOSITORY / "profiles").glob("*.yaml"))


def accepts(document: Any) -> bool:
    return jsonschema.Draft202012Validator(profile_schema()).is_valid(document)


def step(config: Any) -> dict[str, Any]:
    return {"version": 1, "name": "x", "scenarios": [{"id": "one", "steps": [config]}]}


def test_the_file_is_current(real_steps: None) -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == profile_schema(), (
        "run: pynomaly-itest schema > schema/profile.schema.json"
    )


def test_it_is_a_schema(real_steps: None) -> None:
    jsonschema.Draft202012Validator.check_schema(profile_schema())


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_the_profiles_that_ship_are_right(real_steps: None, path: Path) -> None:
    assert accepts(yaml.safe_load(path.read_text(encoding="utf-8")))
    mistakes = validate([str(path)], profile_folders(REPOSITORY))
    assert [mistake.render() for mistake in mistakes] == []


def test_there_are_profiles_that_ship() -> None:
    assert {"smoke", "e2e", "performance"} <= {path.stem for path in PROFILES}


@pytest.mark.parametrize(
    ("config", "accepted"),
    [
        ({"health": {}}, True),
        ({"health": None}, True),
        ({"fetch": "/x", "save": "y", "expect": ["a == 1"], "timeout": "5s"}, True),
        ({"fetch": {"path": "/x", "status": "${{ vars.status }}"}}, True),
        ({"include": "begin"}, True),
        ({"include": "begin", "save": "x"}, False),
        ({"fetch": {"pth": "/x"}}, False),
        ({"fetch": {"path": "/x", "status": "ok"}}, False),
        ({"fech": {}}, False),
        ({"health": {}, "sve": "x"}, False),
        ({"upload": None}, False),
    ],
)
def test_steps(config: Any, accepted: bool) -> None:
    assert accepts(step(config)) is accepted


@pytest.mark.parametrize(
    ("scenario", "accepted"),
    [
        ({"python": "mine.py::workflow", "tags": ["slow"]}, True),
        ({"python": "mine.py", "steps": []}, False),
        ({"python": 3}, False),
        ({"id": "one"}, False),
    ],
)
def test_scenarios(scenario: Any, accepted: bool) -> None:
    assert accepts({"version": 1, "name": "x", "scenarios": [scenario]}) is accepted


@pytest.mark.parametrize(
    ("dataset", "accepted"),
    [
        ({"kind": "gaussian", "rows": 5}, True),
        ({"kind": "file", "path": "x.csv"}, True),
        ({"kind": "file"}, False),
        ({"kind": "gaussian", "row": 5}, False),
        ({"kind": "nobody"}, False),
        ({"rows": 5}, False),
    ],
)
def test_datasets(dataset: Any, accepted: bool) -> None:
    assert accepts({**step({"health": {}}), "datasets": {"x": dataset}}) is accepted
