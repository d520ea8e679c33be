"""Stands between the tool and the platform it started, and cleans up even when the tool is killed with SIGKILL.

Run as `python supervisor.py FOLDER [--disk-mb N] -- COMMAND…` with a pipe on standard input. The tool holds the
other end: when the tool goes, in whatever way, the pipe closes, and this process ends the platform (its whole process
group) and removes FOLDER. A line `restart PORT` there starts the platform anew. Standard library only and free of our
own imports: it must start in no time and can't fail to import.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

GRACE_S = 5.0
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x4000, 0x40000, 2


class Supervisor:
    """Runs the command; starts it anew where it was told to, ends it where it is left alone."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._again = False
        self._over = False
        self._child = self._start()

    def run(self) -> int:
        """Until the command ends by itself or is ended for good; returns its exit status."""
        signal.signal(signal.SIGTERM, lambda *_: self._end_for_good())
        threading.Thread(target=self._obey, daemon=True).start()
        while True:
            status = self._child.wait()
            _signal_group(self._child.pid, signal.SIGKILL)  # workers that outlived their server
            if not self._again or self._over:
                return status if status >= 0 else 128 - status
            self._again = False
            self._child = self._start()
            self._end_if_over()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the tool's own command line
            self._command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no other thread of ours holds a lock
        )

    def _obey(self) -> None:
        """Orders, one a line: `restart PORT` and `kill PORT` start the command again, on that port."""
        with contextlib.suppress(OSError):
            for line in os.fdopen(0, "r"):
                order, _, port = line.strip().partition(" ")
                if "--port" in self._command:  # where it chose one itself, it gets the same again
                    self._command[self._command.index("--port") + 1] = port
                self._again = True
                if order == "kill":
                    _signal_group(self._child.pid, signal.SIGKILL)
                else:
                    _end(self._child)
        self._end_for_good()

    def _end_if_over(self) -> None:
        """What was started while the end was being told has not heard of it."""
        if self._over:
            _end(self._child)

    def _end_for_good(self) -> None:
        self._over = True
        _end(self._child)


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input closes; returns its exit status."""
    folder, dashes = arguments[0], arguments.index("--")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too: the tool decides
    if "--disk-mb" in arguments[:dashes]:
        _say_how_it_went(folder, _small_disk(f"{folder}/data", int(arguments[2])))
    try:
        return Supervisor(arguments[dashes + 1 :]).run()
    finally:
        if _LIBC is not None:
            _LIBC.umount2(f"{folder}/data".encode(), _MNT_DETACH)  # refused where nothing is mounted
        shutil.rmtree(folder, ignore_errors=True)


def _small_disk(folder: str, megabytes: int) -> str:
    """Mount a disk in memory on `folder` that no other process but our children sees; why not, or "ok".

    It is in a mount namespace of our own, so it goes with our last child, whatever ends us.
    """
    if _LIBC is None:
        return "only Linux has disks in memory"
    uid, gid = os.getuid(), os.getgid()
    if _LIBC.unshare(_CLONE_NEWNS) != 0:
        if _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) != 0:
            return "this system lets us mount nothing"
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    options = f"size={megabytes}m,mode=700,uid={uid},gid={gid}".encode()
    private = _LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    if private != 0 or _LIBC.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, options) != 0:
        return "this system lets us mount nothing"
    return "ok"


def _say_how_it_went(folder: str, how: str) -> None:
    """The tool reads it once the platform is up."""
    with open(f"{folder}/disk", "w") as file:
        file.write(how)


def _die_with_parent() -> None:
    """Linux: should this process itself be killed, the kernel ends the platform."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the server to finish, and stop asking after GRACE_S."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    impatience = threading.Timer(GRACE_S, _signal_group, (child.pid, signal.SIGKILL))
    impatience.daemon = True
    impatience.start()


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
