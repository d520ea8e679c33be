"""`pynomaly-itest doctor`: what of this machine a run needs or is disturbed by, each with how to mend it."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Look at Python, packages, ports, Redis, PostgreSQL, disk, clock and CPU noise; exit 1 where a run can't go."""
    from pynomaly_itest.cli.examinations import Health, examine
    from pynomaly_itest.errors import ExitCode

    found = list(examine())
    width = max(len(finding.subject) for finding in found)
    marks = {Health.GOOD: "✓", Health.DOUBTFUL: "?", Health.BAD: "✗"}
    for finding in found:
        typer.echo(f"{marks[finding.health]} {finding.subject:<{width}}  {finding.observed}")
        if finding.health is not Health.GOOD and finding.mend:
            typer.echo(f"  {'':<{width}}  mend: {finding.mend}")
    if any(finding.health is Health.BAD for finding in found):
        raise typer.Exit(ExitCode.FAILED)
