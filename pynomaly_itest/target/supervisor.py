"""Stands between the tool and the platform it started, and cleans up even when the tool is killed with SIGKILL.

Run as `python supervisor.py FOLDER -- COMMAND…` with a pipe on standard input. The tool holds the other end: when
the tool goes, in whatever way, the pipe closes, and this process ends the platform (its whole process group) and
removes FOLDER. Standard library only and free of our own imports: it must start in no time and can't fail to import.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

GRACE_S = 5.0


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input closes; returns its exit status."""
    folder, command = arguments[0], arguments[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too: the tool decides
    child = subprocess.Popen(  # noqa: S603 - the tool's own command line
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet
    )
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    threading.Thread(target=_end_when_alone, args=(child,), daemon=True).start()
    status = child.wait()
    _signal_group(child.pid, signal.SIGKILL)  # workers that outlived their server
    shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _die_with_parent() -> None:
    """Linux: should this process itself be killed, the kernel ends the platform."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _end_when_alone(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    _end(child)


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
