"""Fake step kinds, so that what profiles may say is tested without what steps do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pynomaly_itest.errors import ItestError, ProfileError
from pynomaly_itest.profile.finder import ProfileFolders
from pynomaly_itest.profile.loader import load, validate
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Series, Shape
from pynomaly_itest.step_kind import StepKind


class FakeStep(BaseModel, StepKind):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    summary: ClassVar[str] = "a fake"
    needs_platform: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False


class Upload(FakeStep):
    needs_platform: ClassVar[bool] = True
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: str
    rows: int = Field(1, ge=1)

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record({"id": Scalar("string"), "upload_ms": Scalar("number", "ms"), "ok": Scalar("boolean")})


class Fetch(FakeStep):
    shorthand: ClassVar[str] = "path"

    path: str = Field(pattern="^/")
    status: int | list[int] | None = None

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record({"status": Scalar("number"), "json": ANYTHING})


class Measure(FakeStep):
    exclusive: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("step",)

    step: dict[str, Any]
    repeat: int = 10

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record({"latency_ms": Series("ms"), "error_ratio": Scalar("number", "1")})


class Load(FakeStep):
    exclusive: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("request", "mix.request")
    raw_nested: ClassVar[str] = "fetch"

    request: dict[str, Any] | None = None
    mix: list[dict[str, Any]] | None = None
    rate: str = "5/s"

    @model_validator(mode="after")
    def _a_known_rate(self) -> Load:
        if self.rate != "5/s":
            raise ValueError("no such rate")
        return self


class Health(FakeStep):
    pass


KINDS: dict[str, Any] = {"upload": Upload, "fetch": Fetch, "measure": Measure, "load": Load, "health": Health}


@pytest.fixture(autouse=True)
def fake_steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry offers the fakes only, unless the test is marked as one about the real ones."""
    if "real_steps" not in request.fixturenames:
        monkeypatch.setattr(STEPS, "_kinds", dict(KINDS))
        monkeypatch.setattr(STEPS, "_loaded", True)


@pytest.fixture
def real_steps() -> None:
    """Ask for this to see the kinds that the tool has."""


HEAD = "version: 1\nname: tried\n"
PLAIN = """
scenarios:
  - id: one
    steps:
      - health:
        save: health
    gates: [health.ok == true]
"""


class Workshop:
    """A folder with profiles, and the loader on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folders = ProfileFolders((folder,))

    def write(self, text: str, name: str = "tried.yaml", head: str = HEAD) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def load(self, text: str, **overrides: Any) -> Plan:
        path = self.write(text)
        return load([str(path)], Overrides(**overrides), self.folders)

    def refusal(self, text: str, **overrides: Any) -> str:
        """What the loader says when it refuses the profile: its mistakes as they are shown."""
        with pytest.raises(ItestError) as caught:
            self.load(text, **overrides)
        if isinstance(caught.value, ProfileError):
            return self.shown([mistake.render() for mistake in caught.value.mistakes])
        return f"{type(caught.value).__name__}: {caught.value.message} | {caught.value.hint}"

    def mistakes(self, text: str, head: str = HEAD) -> str:
        """What `validate` says of the profile."""
        path = self.write(text, head=head)
        return self.shown([mistake.render() for mistake in validate([str(path)], self.folders)])

    def shown(self, texts: list[str]) -> str:
        return "\n".join(texts).replace(f"{self.folder}/", "")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
