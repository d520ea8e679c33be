"""Which status is a success: what a step asks for, and 2xx where it asks for nothing."""

from __future__ import annotations

from collections.abc import Collection


def is_success(status: int, wanted: Collection[int] = ()) -> bool:
    """Whether `status` is among `wanted`; without any wanted, whether it is 2xx (a redirect is none)."""
    return status in wanted if wanted else 200 <= status < 300
