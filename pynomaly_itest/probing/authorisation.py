"""Permission to probe or load what is not on this machine: an origin, named exactly, by an owner, until a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from pynomaly_itest.errors import UsageError
from pynomaly_itest.probing.waivers import read_entries

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Authorisation(BaseModel):
    """One origin that may be tested, how far, and who said so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: str = Field(pattern=r"^https?://[^/@\s]+$", description="scheme, host and port; nothing behind")
    owner: str = Field(min_length=1, max_length=200)
    expires: date
    max_impact: Literal["R", "M", "D"] = "R"


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, in one spelling; raises UsageError for what has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.hostname is None or port is None:
        raise UsageError("--target: not a URL", hint="write http://host:port or https://host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def permission_for(url: str, path: Path | None, today: date, reason: str) -> Authorisation:
    """The permission for this origin; raises UsageError where there is none that holds today."""
    origin = origin_of(url)
    hint = (
        f"name {origin} with its owner, expires and max_impact in a file, and give it with --authorisations"
    )
    if path is None:
        raise UsageError(f"{origin} is not this machine, and {reason}: nothing was sent", hint=hint)
    found: list[Authorisation] = [
        entry
        for entry in read_entries(path, Authorisation, "authorisations")
        if origin_of(entry.origin) == origin
    ]
    if not found:
        raise UsageError(f"{path} does not name {origin}, and {reason}: nothing was sent", hint=hint)
    valid = [entry for entry in found if entry.expires >= today]
    if not valid:
        ended = max(entry.expires for entry in found)
        raise UsageError(f"the permission for {origin} ended on {ended}: nothing was sent", hint=hint)
    return max(valid, key=lambda entry: "RMD".index(entry.max_impact))
