"""`--log-level` and `--log-format`: what the tool does, on standard error; requests and replies at DEBUG, redacted."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from pynomaly_itest.errors import UsageError
from pynomaly_itest.plain import printable

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("text", "json")


def configure(level: str, form: str) -> None:
    """Log from this level on; raises UsageError for a level or format that there isn't."""
    if level.upper() not in LEVELS:
        raise UsageError(f"--log-level has no {level!r}", hint=f"one of {', '.join(LEVELS)}")
    if form not in FORMATS:
        raise UsageError(f"--log-format has no {form!r}", hint=f"one of {', '.join(FORMATS)}")
    logger = logging.getLogger("pynomaly_itest")
    logger.handlers.clear()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{_instant(record)} {record.levelname:<7} {record.name} {printable(record.getMessage())}"


class _Json(logging.Formatter):
    """One object a line; what an event or an exchange holds stands under `details`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        details = getattr(record, "details", None)
        if details is not None:
            entry["details"] = details
        return json.dumps(entry, ensure_ascii=False)


class LogListener:
    """Tells the log of each scenario and step, at INFO."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("pynomaly_itest.run")

    def heard(self, event: Any) -> None:
        if not self._logger.isEnabledFor(logging.INFO):
            return
        about = event.model_dump(
            mode="json", include={"scenario", "kind", "verdict", "reason", "duration_s", "phase"}
        )
        words = " ".join(
            str(about[name]) for name in ("scenario", "kind", "verdict", "reason") if about.get(name)
        )
        self._logger.info("%s %s", event.event, words, extra={"details": about})

    def progress(self, scenario: str, text: str) -> None:
        """Progress is for the screen."""
