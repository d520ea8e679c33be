"""A copy of a target's audit log that may be spoilt, to see whether its own verifier notices."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

Tampering = Literal["edit", "delete", "reorder"]


class AuditCopy(ABC):
    """Never the log itself: a copy in a folder of its own."""

    @abstractmethod
    async def is_whole(self) -> bool:
        """What the target's verifier says of the copy."""

    @abstractmethod
    def tamper(self, how: Tampering) -> None:
        """Change one event's content, take one out, or exchange two."""
