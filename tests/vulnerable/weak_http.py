"""Requests, answers and refusals of the vulnerable application."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from weak_store import Account


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer that ends the request."""

    def __init__(self, status: int, detail: str = "no", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        kind = {"content-type": "application/problem+json"}
        self.answer = Answer(status, problem(status, detail), {**kind, **(headers or {})})


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    who: Account | None = None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        assert self.who is not None
        return self.who


def problem(status: int, detail: str) -> bytes:
    return json.dumps({"status": status, "detail": detail, "title": "problem"}).encode()


def answer_of(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


async def read_request(scope: Any, receive: Any, limit: int, spool: Any = None) -> Request:
    """The whole request; raises Refused 413 as soon as the body is over the limit. What came is written to `spool`."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if int(headers.get("content-length", "0")) > limit:
        raise Refused(413)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if spool is not None:
            spool.write(message.get("body", b""))
            spool.flush()
        if len(body) > limit:
            raise Refused(413)
        if not message.get("more_body", False):
            break
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
    path = scope["raw_path"].decode().partition("?")[0]
    return Request(scope["method"], path, query, headers, bytes(body))


def unpacked(request: Request, *, trusting: bool) -> bytes:
    """The body without its Content-Encoding, which only a trusting service takes."""
    if request.headers.get("content-encoding", "identity") == "identity":
        return request.body
    if not trusting:
        raise Refused(415)
    return gzip.decompress(request.body)


def multipart(request: Request) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a form by name: their file names and contents."""
    kind = request.headers.get("content-type", "")
    if "boundary=" not in kind:
        raise Refused(415)
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    parts: dict[str, tuple[str | None, bytes]] = {}
    for piece in request.body.split(b"--" + boundary)[1:-1]:
        head, _, content = piece[2:].partition(b"\r\n\r\n")
        words = head.decode("latin-1")
        name = words.partition('name="')[2].partition('"')[0]
        filename = words.partition('filename="')[2].partition('"')[0] if "filename=" in words else None
        parts[name] = (filename, content[:-2])
    return parts
