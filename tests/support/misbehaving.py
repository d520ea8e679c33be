"""A loopback server that answers as told: HTML, 500, nothing, half a reply, far too much."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

Behaviour = Callable[[str, "Connection"], None]
"""Gets the request's head and the connection to answer on."""


class Connection(socketserver.StreamRequestHandler):
    """One connection; `behave` is set on the server."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while head := self._head():
                length = 0
                for line in head.lower().splitlines():
                    if line.startswith("content-length:"):
                        length = int(line.partition(":")[2])
                self.rfile.read(length)
                self.server.behave(head, self)  # type: ignore[attr-defined]

    def _head(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines.append(line.decode("latin-1"))
        return "".join(lines)

    def answer(self, status: int, body: str | bytes, kind: str = "application/json", **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.wfile.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}\r\n".encode()
            + content  # in one piece: a second one would wait for the first one's acknowledgement
        )


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    released: threading.Event
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.tls is not None:  # the handshake is made by whoever reads first: the connection's own thread
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


@contextlib.contextmanager
def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on a free loopback port while the block runs; gives the base URL."""
    server = _Server(("127.0.0.1", 0), Connection)
    server.tls = tls
    server.behave = behave  # type: ignore[attr-defined]
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def html(_: str, connection: Connection) -> None:
    connection.answer(200, "<html><h1>Welcome to nginx!</h1></html>", "text/html")


def failing(_: str, connection: Connection) -> None:
    connection.answer(500, '{"detail": "boom"}')


def hanging(_: str, connection: Connection) -> None:
    """No answer until the test is over (at most 60 s)."""
    connection.server.released.wait(60)  # type: ignore[attr-defined]


def resetting(_: str, connection: Connection) -> None:
    connection.connection.close()
    raise OSError("closed")


def truncating(_: str, connection: Connection) -> None:
    connection.wfile.write(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf")
    connection.connection.close()
    raise OSError("closed")


def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as probe:
        port = probe.server_address[1]
    assert isinstance(port, int)
    return port
