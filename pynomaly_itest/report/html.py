"""report.html: the run for people, in one file that asks nothing of the network and works without its script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.beside import KNOWN
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument
from pynomaly_itest.report.page.data import embedded_json
from pynomaly_itest.report.page.view import Link, PageView, view
from pynomaly_itest.results import RunResult

if TYPE_CHECKING:
    from jinja2 import Environment

# A page that is heavier opens slowly, and many mail and CI servers refuse it: plots of passes are left out first.
LARGEST_PAGE_BYTES = 1_000_000
_BYTES_OF_A_PLOT = 1_850
# How many of those that are no pass keep all of theirs, from one try to the next.
_WHOLE_SCENARIOS = (1_000, 40, 10, 0)

_PAGE = Path(__file__).parent / "page"


@REPORTS.register("html")
class HtmlReport:
    summary = "one page for people: the verdict, why, and everything that was measured"
    filename = "report.html"
    media = "text/html"

    def render(self, run: RunResult) -> bytes:
        document = describe(run)
        links = [Link(name, KNOWN[name]) for name in run.beside if name in KNOWN]
        return next(_ever_lighter(document, links), b"")


def _ever_lighter(document: RunDocument, links: Sequence[Link]) -> Iterator[bytes]:
    """The page with as many plots as it has room for; the lightest there is, where even that is too large."""
    whole = _render(view(document, links=links))
    if len(whole) <= LARGEST_PAGE_BYTES:
        yield whole
    for worst in _WHOLE_SCENARIOS:
        bare = _render(view(document, 0, worst, links))
        room = (LARGEST_PAGE_BYTES - len(bare)) // _BYTES_OF_A_PLOT
        if room >= 0:
            fuller = _render(view(document, room, worst, links))
            yield fuller if len(fuller) <= LARGEST_PAGE_BYTES else bare
    yield bare


def _render(page: PageView) -> bytes:
    from markupsafe import Markup

    style, script = _asset("style.css"), _asset("script.js")
    text = (
        _templates()
        .get_template("report.html.j2")
        .render(
            view=page,
            # Ours, read from this package; everything else goes through autoescape.
            style=Markup(style),  # noqa: S704 - the package's own style sheet
            script=Markup(script),  # noqa: S704 - the package's own script
            data=Markup(embedded_json(page)),  # noqa: S704 - escaped for a script element right there
            policy=_policy(style, script),
        )
    )
    return text.encode()


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded or run but this very style sheet and this very script."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
