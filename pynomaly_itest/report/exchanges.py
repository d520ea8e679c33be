"""Requests and replies as they are shown: cleaned, and of bodies as much as fits into a report of this size."""

from __future__ import annotations

from pynomaly_itest.events import Exchange
from pynomaly_itest.report.document import ExchangeDocument
from pynomaly_itest.report.untrusted import clean, clip, finite, one_line, paragraph
from pynomaly_itest.results import RunResult

_ALL_EXCHANGES_CHARS = 250_000
_LONGEST_BODY = 4_000
_SHORTEST_BODY = 400


def body_budget(run: RunResult) -> int:
    """How long a shown body may be, so that a report of many failures still opens at once."""
    steps = sum(step.exchange is not None for scenario in run.scenarios for step in scenario.steps)
    exchanges = steps + sum(finding.exchange is not None for finding in run.findings)
    return min(_LONGEST_BODY, max(_SHORTEST_BODY, _ALL_EXCHANGES_CHARS // max(1, 2 * exchanges)))


def exchange_document(exchange: Exchange | None, body_chars: int) -> ExchangeDocument | None:
    """The exchange, if one was kept, each body cut to `body_chars`."""
    if exchange is None:
        return None
    return ExchangeDocument(
        method=one_line(exchange.method),
        url=one_line(exchange.url, 1000),
        request_headers={one_line(k): one_line(v, 600) for k, v in exchange.request_headers.items()},
        request_body=_body(exchange.request_body, body_chars),
        status=exchange.status,
        reply_headers={one_line(k): one_line(v, 600) for k, v in exchange.reply_headers.items()},
        reply_body=_body(exchange.reply_body, body_chars),
        error=paragraph(exchange.error),
        duration_ms=finite(exchange.duration_ms),
    )


def _body(text: str | None, longest: int) -> str | None:
    return None if text is None else clip(clean(text), longest)
