"""Loads the scoring kernels beside the start, so that neither the start nor a request waits for a compiler."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Warmth:
    """Whether the kernels are loaded, and the thread that loads them."""

    is_warm: bool = False
    failure: str = ""
    _thread: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        """Begin; once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._warm, name="warm-up", daemon=True)
            self._thread.start()

    def check(self) -> str:
        """For readiness."""
        return "ok" if self.is_warm else self.failure or "the engine is warming up"

    def _warm(self) -> None:
        from pynomaly.detection import warm_up

        try:
            warm_up()
        except Exception:
            logger.exception("the engine could not be warmed up")
            self.failure = "the engine could not be loaded"
        else:
            self.is_warm = True
