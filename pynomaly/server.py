"""Listens, tells its port, serves until it is told to stop, and ends with what runs finished."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pynomaly.app import Application
from pynomaly.doorway import Doorway
from pynomaly.settings import Settings

# Made beforehand: there is no memory to make it with when it is needed.
_NO_MEMORY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class PortTaken(Exception):
    """The address can't be listened on; the text says why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        code = getattr(error, "errno", None)
        reason = (
            "it is in use" if code == errno.EADDRINUSE else getattr(error, "strerror", None) or str(error)
        )
        raise PortTaken(f"can't listen on {host} port {port}: {reason}") from None
    return listener


def serve(app: Application, settings: Settings, listener: socket.socket, port_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends it at once."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s) or 1,
        h11_max_incomplete_event_size=65_536,
    )
    _Server(config, listener, port_file).run_until_stopped()


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which takes it for a bad request when memory runs out while a body comes in; ours says who is at
    fault, and that it is worth another try."""

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; called where the parser gave up."""
        problem = sys.exception()
        if problem is None or not isinstance(problem.__context__, MemoryError):
            super().send_400_response(msg)
            return
        self.transport.write(_NO_MEMORY)
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn, which would end by the signal that stopped it; ours ends with exit code 0."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, port_file: Path | None) -> None:
        super().__init__(config)
        self._listener = listener
        self._port_file = port_file

    def run_until_stopped(self) -> None:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve([self._listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._doorway = Doorway(asyncio.get_running_loop(), self._listener, self._protocol)
        self._doorway.open()
        self.servers.append(cast("asyncio.Server", self._doorway))
        if self._port_file is not None and not self.should_exit:
            _write_port(self._port_file, self._listener.getsockname()[1])

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit  # the second time
        self.should_exit = True


def _write_port(path: Path, port: int) -> None:
    """Whole or not at all: whoever polls for the file must not read half a number."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(f"{port}\n", encoding="ascii")
    temporary.replace(path)
