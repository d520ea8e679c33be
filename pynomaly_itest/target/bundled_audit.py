"""A copy of the bundled platform's audit log in SQLite, spoilt as someone with the disk in his hands would."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from pynomaly_itest.target.audit_copy import AuditCopy, Tampering

_DATABASE = "pynomaly.db"
_LARGEST_KEY_BYTES = 64 * 1024


class BundledAuditCopy(AuditCopy):
    """The database and the small files beside it (keys), and `pynomaly audit verify` on them."""

    def __init__(self, data: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        for path in data.iterdir():
            if (
                path.is_file()
                and not path.name.startswith(_DATABASE)
                and path.stat().st_size <= _LARGEST_KEY_BYTES
            ):
                shutil.copy(path, folder / path.name)
        with closing(sqlite3.connect(data / _DATABASE)) as source, closing(self._open()) as copy:
            source.backup(copy)  # whole, although the platform goes on writing

    async def is_whole(self) -> bool:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-P", "-m", "pynomaly", "audit", "verify", "--data-dir", str(self._folder)],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._environment),
        )
        return await process.wait() == 0

    def tamper(self, how: Tampering) -> None:
        with closing(self._open()) as copy, copy:
            triggers = copy.execute("select name from sqlite_master where type = 'trigger'").fetchall()
            for (name,) in triggers:  # whoever has the file can do so too
                copy.execute(f'drop trigger "{name}"')
            (middle,) = copy.execute("select max(sequence) / 2 from audit_events").fetchone()
            if how == "edit":
                copy.execute("update audit_events set actor = 'itest' where sequence = ?", (middle,))
            elif how == "delete":
                copy.execute("delete from audit_events where sequence = ?", (middle,))
            else:
                for old, new in ((middle, -1), (middle + 1, middle), (-1, middle + 1)):
                    copy.execute("update audit_events set sequence = ? where sequence = ?", (new, old))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._folder / _DATABASE)
