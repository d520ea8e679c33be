"""Findings that somebody answers for: by fingerprint, with owner, reason and expiry; an expired one counts again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pynomaly_itest.errors import UsageError

_MOST_BYTES = 1 << 20


class Waiver(BaseModel):
    """One finding that is let through until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str = Field(pattern=r"^[0-9a-f]{16,64}$")
    owner: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=1_000)
    expires: date


@dataclass(frozen=True)
class Waivers:
    """The waivers of a run; `today` decides which still hold."""

    entries: tuple[Waiver, ...] = ()
    today: date = date.min

    def holder(self, fingerprint: str) -> str | None:
        """Who answers for this finding and why, or None where nobody does (any more)."""
        for entry in self.entries:
            if entry.fingerprint == fingerprint and entry.expires >= self.today:
                return f"{entry.owner} until {entry.expires}: {entry.reason}"
        return None

    def expired(self) -> tuple[Waiver, ...]:
        """Those that count no longer."""
        return tuple(entry for entry in self.entries if entry.expires < self.today)

    @classmethod
    def read(cls, path: Path, today: date) -> Waivers:
        """The file's waivers; raises UsageError where it isn't a list of such."""
        return cls(tuple(read_entries(path, Waiver, "waivers")), today)


def read_entries(path: Path, kind: type[Any], noun: str) -> Iterable[Any]:
    """A YAML file `noun: [entry, …]` as strict models; raises UsageError naming what is wrong."""
    import yaml

    try:
        if path.exists() and not path.is_file():  # a pipe might never end
            raise UsageError(f"{path} is not a regular file")
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path}: larger than {_MOST_BYTES} bytes")
        text = path.read_text()
        if "&" in text or "*" in text:
            raise UsageError(f"{path}: anchors and aliases are not taken here")
        loaded = yaml.safe_load(text)
    except OSError as problem:
        raise UsageError(f"can't read {path}: {problem.strerror}") from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:  # ValueError: no text, no date, no number
        raise UsageError(f"{path}: not YAML: {problem}") from problem
    if not isinstance(loaded, dict) or set(loaded) != {noun}:
        raise UsageError(f"{path}: the file holds one list, `{noun}:`")
    try:
        return list(TypeAdapter(list[kind]).validate_python(loaded[noun]))  # type: ignore[valid-type]
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {noun}.{where}: {first['msg']}") from problem
