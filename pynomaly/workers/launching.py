"""How processes of ours begin: with a socket to the server and nothing else of it, and an end that is bound to its."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Launched:
    """A process that was started, and the server's end of the socket between them."""

    process: subprocess.Popen[bytes]
    connection: Connection


def launch(module: str, *arguments: str) -> Launched:
    """Start a module of ours. The process ends with the thread that called this.

    Python's -P keeps the working folder out of the search for modules: a `numpy.py` that lies there is not executed.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        about_us = str(theirs.fileno()), str(os.getpid())
        command = [sys.executable, "-P", "-m", module, *about_us, *arguments]
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment()
        )
    return Launched(process, Connection(ours.detach()))


def environment() -> dict[str, str]:
    """The server's, without its secrets: a worker needs none."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYNOMALY_")}


def server_connection() -> Connection | None:
    """In a process that `launch` started: its end of the socket; None where the server is gone already."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        return None
    return Connection(descriptor)
