"""Loads the scoring kernels beside the start, so that neither the start nor a request waits for a compiler."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

_COMPILE_TIMEOUT_S = 300
_NOT_FOR_SCORING = ("scipy.linalg", "cffi")
"""What numba imports, where it is there, for kernels that multiply matrices or call C: ours do neither."""


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
            with without(_NOT_FOR_SCORING):
                warm_up()
        except Exception:
            logger.exception("the engine could not be warmed up")
            self.failure = "the engine could not be loaded"
        else:
            self.is_warm = True


def compiled_before() -> bool:
    """Whether numba's cache on disk holds kernels, as far as can be told without importing numba."""
    from pynomaly.detection import kernels

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folders = [Path(chosen)] if chosen else [Path(path) / "__pycache__" for path in kernels.__path__]
    return any(next(folder.rglob("*.nbi"), None) for folder in folders if folder.is_dir())


def compile_once() -> None:
    """On the very first start, compile the kernels in a process of its own.

    What the compiler leaves in memory ends with it: neither the server nor a worker is larger than on any other
    start. Where that fails, they are compiled here after all.
    """
    if compiled_before():
        return
    command = [sys.executable, "-P", "-m", "pynomaly.detection.warm"]  # -P: nothing of the working folder
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and module
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMPILE_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        logger.warning("the kernels could not be compiled in a process of their own")


@contextmanager
def without(names: tuple[str, ...]) -> Iterator[None]:
    """Modules that are not loaded yet can't be imported meanwhile: a third of the kernels' start, and of their memory.

    Only for a process that fits nothing: numba takes it for an installation without BLAS as long as it lives.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importlib's sign for "not to be found"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
