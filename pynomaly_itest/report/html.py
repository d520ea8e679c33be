"""report.html: the run for people, in one file that asks nothing of the network and works without its script."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument
from pynomaly_itest.report.page.view import view
from pynomaly_itest.results import RunResult

if TYPE_CHECKING:
    from jinja2 import Environment
    from pydantic.main import IncEx

_PAGE = Path(__file__).parent / "page"

# The page holds these once already, as escaped text: where its data repeats them, it only grows.
_SHOWN_AS_TEXT_ONLY: IncEx = {
    "scenarios": {"__all__": {"steps": {"__all__": {"exchange"}}, "diagnostics": True}},
    "findings": {"__all__": {"exchange"}},
}


@REPORTS.register("html")
class HtmlReport:
    summary = "one page for people: the verdict, why, and everything that was measured"
    filename = "report.html"
    media = "text/html"

    def render(self, run: RunResult) -> bytes:
        from markupsafe import Markup

        document = describe(run)
        style, script = _asset("style.css"), _asset("script.js")
        page = _templates().get_template("report.html.j2")
        text = page.render(
            view=view(document),
            # Ours, read from this package; everything else goes through autoescape.
            style=Markup(style),  # noqa: S704 - the package's own style sheet
            script=Markup(script),  # noqa: S704 - the package's own script
            data=Markup(embedded_json(document)),  # noqa: S704 - escaped for a script element right there
            policy=_policy(style, script),
        )
        return text.encode()


def embedded_json(run: RunDocument) -> str:
    """The document as JSON that can't end the script element it stands in: no `<`, `>` or `&` is left in it."""
    text = run.model_dump_json(exclude=_SHOWN_AS_TEXT_ONLY)
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


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
