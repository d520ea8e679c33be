"""`pynomaly-itest schema`: the JSON Schema of profiles, for editors."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of profiles (for completion in editors)."""
    from pynomaly_itest.profile.schema import profile_schema

    typer.echo(json.dumps(profile_schema(), indent=2, ensure_ascii=False))
