"""`pynomaly-itest validate FILE …`: every mistake at once, each with its line and a caret."""

from __future__ import annotations

from typing import Annotated

import typer

from pynomaly_itest.errors import ExitCode


def validate(
    profiles: Annotated[list[str], typer.Argument(metavar="FILE|NAME …", help="Profiles to check.")],
) -> None:
    """Check profiles without running anything."""
    from pynomaly_itest.profile.loader import validate as check

    mistakes = check(profiles)
    for mistake in mistakes:
        typer.echo(mistake.render() + "\n", err=True)
    if mistakes:
        count = len(mistakes)
        typer.echo(f"{count} mistake{'s' if count != 1 else ''}", err=True)
        raise typer.Exit(ExitCode.USAGE)
    typer.echo(f"valid: {', '.join(profiles)}")
