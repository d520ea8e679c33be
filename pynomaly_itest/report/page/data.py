"""The data that the page shows, embedded in it as JSON: for its own script, and for whoever wants the numbers."""

from __future__ import annotations

from typing import Any

from pynomaly_itest.report.document import MetricDocument
from pynomaly_itest.report.page.view import MetricView, PageView

# The page holds these already, as escaped text: repeated in its data, they would only make it heavy.
_SHOWN_AS_TEXT_ONLY: Any = {
    "scenarios": {
        "__all__": {
            "steps": {"__all__": {"exchange", "source_line"}},
            "gates": {"__all__": {"source_line"}},
            "diagnostics": True,
            "reproduce": True,
        }
    },
    "findings": {"__all__": {"exchange"}},
}


def embedded_json(page: PageView) -> str:
    """The page's document as JSON that can't end the script element it stands in: no `<`, `>` or `&` is left.

    Like run.json, but without what is null, what the page shows as text only, and the data of plots that the
    page leaves out.
    """
    scenarios = [
        view.scenario.model_copy(update={"metrics": [_drawn(metric) for metric in view.metrics]})
        for view in page.scenarios
    ]
    run = page.run.model_copy(update={"scenarios": scenarios})
    text = run.model_dump_json(exclude=_SHOWN_AS_TEXT_ONLY, exclude_none=True)
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def _drawn(view: MetricView) -> MetricDocument:
    drawn = {panel.hover.rsplit(" ", 1)[-1] for panel in view.panels}
    left_out = {"histogram", "over_time"} - drawn
    return view.metric.model_copy(update=dict.fromkeys(left_out))
