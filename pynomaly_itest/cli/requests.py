"""`-v`: each request on the screen as it is answered; a long row of the same one is told in a line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

_LOGGER = "pynomaly_itest.target.http"
_TOLD_IN_FULL = 3


class Requests(logging.Handler):
    """Hears of requests where the log gets them (redacted), and says those that the log's level would leave out."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._say = say
        self._logger = logging.getLogger(_LOGGER)
        self._level = logging.NOTSET
        self._same = ""
        self._times_ms: list[float] = []

    def listen(self) -> None:
        """From now on; where the log itself tells of requests, they are not told twice."""
        self._level = self._logger.level
        if self._logger.isEnabledFor(logging.DEBUG):
            return
        for handler in logging.getLogger("pynomaly_itest").handlers:
            handler.addFilter(_not_a_request)
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)

    def stop(self) -> None:
        """No longer, and say what is still to be said."""
        self.flush()
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)
        for handler in logging.getLogger("pynomaly_itest").handlers:
            handler.removeFilter(_not_a_request)

    def emit(self, record: logging.LogRecord) -> None:
        """One request: `POST /api/v1/detectors 201  3.1 ms`."""
        told: dict[str, Any] = getattr(record, "details", {})
        parts = urlsplit(str(told.get("url", "")))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        what = f"{told.get('method')} {path} {told.get('error') or told.get('status')}"
        took_ms = float(told.get("duration_ms") or 0.0)
        if what != self._same:
            self.flush()
            self._same = what
        self._times_ms.append(took_ms)
        if len(self._times_ms) <= _TOLD_IN_FULL:
            self._say(f"      {what}  {took_ms:.1f} ms")

    def flush(self) -> None:
        """Tell of the rest of a row."""
        rest = self._times_ms[_TOLD_IN_FULL:]
        self._same, self._times_ms = "", []
        if rest:
            self._say(f"      … {len(rest)} more of these  {min(rest):.1f} to {max(rest):.1f} ms")


def _not_a_request(record: logging.LogRecord) -> bool:
    return record.name != _LOGGER or record.levelno > logging.DEBUG
