"""`pynomaly-itest explain NAME`: what an exit code, metric, gate, step, probe, fault … means, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from pynomaly_itest.errors import UsageError


def _names(incomplete: str) -> list[tuple[str, str]]:
    from pynomaly_itest.reference import known_names

    return [(name, about) for name, about in known_names().items() if name.startswith(incomplete)]


def explain(
    name: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="A step, metric, gate, probe, fault, exit code, verdict, benchmark, variable, … or a whole gate.",
            autocompletion=_names,
        ),
    ],
) -> None:
    """Explain anything that profiles and reports name: 4, JWT-01, latency_ms, load, "p95 <= 100ms", …"""
    import shutil

    from pynomaly_itest.reference import find, known_names
    from pynomaly_itest.reference.expressions import of_expression
    from pynomaly_itest.reference.terminal import rendered
    from pynomaly_itest.registry import did_you_mean

    wanted = " ".join(name)
    pages = find(wanted)
    if not pages:
        page = of_expression(wanted)
        pages = [page] if page is not None else []
    if not pages:
        holding = [known for known in known_names() if wanted.casefold() in known.casefold()]
        raise UsageError(f"nothing is called {wanted!r}", hint=did_you_mean(wanted, holding or known_names()))
    width = min(shutil.get_terminal_size((80, 24)).columns, 100)
    typer.echo("\n\n".join(rendered(page, width) for page in pages))
