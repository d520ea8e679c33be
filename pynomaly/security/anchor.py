"""An anchor of the audit log: its head, sealed under a key of its own and kept outside the database.

Whoever can write to the database can empty the log, or set it back to an older copy of itself, together with its head:
every link of what is left holds. That the log once was longer only something outside of it can tell.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from pynomaly.domain.audit import ChainHead
from pynomaly.domain.errors import InvalidInput
from pynomaly.security.settings import Key, SecuritySettings

_SHAPE = re.compile(
    r"pynomaly-audit-anchor:1:(\d{1,18}):([0-9a-f]{0,64}):([0-9a-f]{12}):([0-9a-f]{64})", re.ASCII
)


class Anchors:
    """Writes and reads anchors as a line of text."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._keys = settings.derived_keys("audit-anchor")

    def text(self, head: ChainHead) -> str:
        """The anchor of that head."""
        key = self._keys[0]
        return f"pynomaly-audit-anchor:1:{head.sequence}:{head.digest}:{key.id}:{_seal(key, head)}"

    def read(self, text: str) -> ChainHead:
        """The head that an anchor names; raises InvalidInput for one that this service did not make."""
        shape = _SHAPE.fullmatch(text.strip())
        if shape is None:
            raise InvalidInput(
                "That is no anchor of an audit log.", hint="`pynomaly audit anchor` prints one."
            )
        head = ChainHead(int(shape[1]), shape[2])
        key = next((key for key in self._keys if key.id == shape[3]), None)
        if key is None or not hmac.compare_digest(_seal(key, head), shape[4]):
            raise InvalidInput("The anchor was not made by this service, or it was changed.")
        return head


class AnchorFile:
    """Keeps the newest anchor in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """What was kept last, None where nothing was."""
        try:
            return self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return None

    def keep(self, text: str) -> None:
        """Replaces it, whole."""
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, self._path)


def _seal(key: Key, head: ChainHead) -> str:
    return hmac.digest(key.secret, f"{head.sequence}|{head.digest}".encode(), hashlib.sha256).hex()
