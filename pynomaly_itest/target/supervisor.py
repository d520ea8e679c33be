"""Stands between the tool and the platform it started, and cleans up even when the tool is killed with SIGKILL.

Run as `python supervisor.py FOLDER -- COMMAND…` with a pipe on standard input. The tool holds the other end: when
the tool goes, in whatever way, the pipe closes, and this process ends the platform (its whole process group) and
removes FOLDER. A line `restart PORT` there starts the platform anew. Standard library only and free of our own
imports: it must start in no time and can't fail to import.
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
    folder, command = arguments[0], arguments[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too: the tool decides
    try:
        return Supervisor(command).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
