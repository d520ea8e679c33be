"""DAT-05: an upload that is held up half-way, its canary looked for in every file that the service has open."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.resident import pids
from pynomaly_itest.probing.wire import Connection
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.platform import PREFIX

_PATH = f"{PREFIX}/datasets/upload"
_TELLS_OPEN_FILES = Path("/proc/self/fd").is_dir()
_LINES = 70_000
"""Some megabytes: what is small may well stay in memory."""
_HELD_BACK = 4_096
_BOUNDARY = "itestboundary"
_LOOKS, _LOOK_EVERY_S = 20, 0.1
_MOST_FILE_BYTES = 64 << 20
_ANSWER_S = 60.0


@dataclass(frozen=True)
class _Seen:
    n_files: int
    n_unreadable: int
    found: frozenset[str]


@PROBES.register("DAT-05")
class PlainTemporaryFiles(Probe):
    id = "DAT-05"
    title = "Uploads on their way lie in no file in clear"
    cwe = 377
    references = ("API8:2023", "ASVS 5.0.0 V14.2.4", "ASVS 5.0.0 V5.4.3")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload",)
    needs = ("user_a",)
    expected = "the canary in no file that the service has open"
    why = "What is encrypted at rest stays on the disk in clear beside it, long after the temporary file is gone."
    mend = "Keep uploads in memory, or seal temporary files under a key that is only there."

    async def run(self, ctx: ProbeContext) -> Observation:
        if not pids(ctx) or not _TELLS_OPEN_FILES:
            raise NotApplicable("the target's processes are not ours to look at")
        owner = await ctx.actors.get("user_a")
        await dataset_of(ctx, owner, b"a,b\n1,2\n3,4\n")
        canary = f"itestcanary{secrets.token_hex(12)}"
        content = _form(ctx.label, canary)
        connection = await ctx.wire.connect()
        try:
            await self._send_most(ctx, connection, owner, content)
            seen = await self._watched(ctx, canary.encode())
            status = await self._finish(connection, content)
        finally:
            await connection.close()
        ctx.control(seen.n_files > 0 or not seen.n_unreadable, "the target's open files can't be read")
        where = "files open during an upload"
        if seen.found:
            told = f"{len(seen.found)} open file(s) held the canary while it was uploaded"
            return Observation("", where, (Hole(where, "in clear", told),))
        ctx.control(status in (200, 201), f"the upload that was held up was answered {status}")
        return Observation(f"{seen.n_files} open files, the canary in none of them", where)

    @staticmethod
    async def _send_most(ctx: ProbeContext, connection: Connection, owner: Actor, content: bytes) -> None:
        ctx.budget.spend(requests=1, sent_bytes=len(content))
        headers = {
            **await owner.headers(),
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
        connection.writer.write(connection.head("POST", _PATH, headers))
        connection.writer.write(content[:-_HELD_BACK])
        await connection.writer.drain()

    @staticmethod
    async def _watched(ctx: ProbeContext, canary: bytes) -> _Seen:
        """Looks again and again while the upload stands still; the most that was seen."""
        seen = _Seen(0, 0, frozenset())
        for _ in range(_LOOKS):
            found = await asyncio.to_thread(_searched, pids(ctx), canary)
            seen = _Seen(max(seen.n_files, found.n_files), found.n_unreadable, seen.found | found.found)
            if seen.found:
                break
            await ctx.sleep(_LOOK_EVERY_S)
        return seen

    @staticmethod
    async def _finish(connection: Connection, content: bytes) -> int | None:
        connection.writer.write(content[-_HELD_BACK:])
        try:
            async with asyncio.timeout(_ANSWER_S):
                await connection.writer.drain()
                status, _ = await connection.read_head()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            return None
        return status


def _form(label: str, canary: str) -> bytes:
    lines = "".join(f"{i},{canary}\n" for i in range(_LINES))
    name = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\n{label}\r\n'
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="held.csv"\r\n\r\n'
    return f"{name}{head}value,label_text\n{lines}\r\n--{_BOUNDARY}--\r\n".encode()


def _searched(processes: list[int], needle: bytes) -> _Seen:
    """Which regular files that these processes have open, also deleted ones, hold the needle."""
    n_files = n_unreadable = 0
    found: set[str] = set()
    for pid in processes:
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            n_unreadable += 1
            continue
        for descriptor in descriptors:
            path = f"/proc/{pid}/fd/{descriptor}"
            try:
                if not stat.S_ISREG(os.stat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    content = file.read(_MOST_FILE_BYTES)
            except OSError:
                continue
            n_files += 1
            if needle in content:
                found.add(f"{pid}/{descriptor}")
    return _Seen(n_files, n_unreadable, frozenset(found))
