"""Limits of a running process, set for a while and put back as they were."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pynomaly_itest.errors import NotApplicable

if TYPE_CHECKING:
    import psutil

    from pynomaly_itest.faulting.fault import Site


def check_limits() -> None:
    """Raise NotApplicable where the system sets no limits of running processes."""
    import psutil

    if not hasattr(psutil, "RLIMIT_NOFILE"):
        raise NotApplicable("only Linux sets the limits of a running process")


def lower(site: Site, process: psutil.Process, resource: int, limit: int) -> None:
    """Set the soft limit of `resource`, after promising to put the old one back; the hard one stays."""
    import psutil

    try:
        soft, hard = process.rlimit(resource)
        site.undo.callback(_put_back, process, resource, (soft, hard))
        process.rlimit(resource, (limit if hard < 0 else min(limit, hard), hard))
    except (psutil.AccessDenied, OSError) as problem:
        raise NotApplicable(
            f"this system does not let us limit the server's process ({problem})"
        ) from problem


def _put_back(process: psutil.Process, resource: int, limits: tuple[int, int]) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.rlimit(resource, limits)
