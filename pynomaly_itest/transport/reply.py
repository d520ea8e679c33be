"""The one reader of replies: llhttp for the common case, and RFC 9112's allowances for a head that it refuses.

Nothing that a server sends is trusted: a head or body that is too large, or no HTTP, ends in an error of its own.
The load engine drives the same parser itself, for speed, with the same allowances (`regular_head`) and the same rule
for a reply that ends with its connection (`ends_with_connection`).
"""

from __future__ import annotations

import re
from typing import Any

import httptools

MOST_HEAD_BYTES = 256 * 1024
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")
_LENGTH = b"content-length"


class BadReply(Exception):
    """What came is no HTTP reply; the text says why."""


class TooLarge(BadReply):
    """The reply is larger than was allowed."""


class CutOff(BadReply):
    """The connection ended before the reply did."""


def head_end(data: bytes) -> int | None:
    """Where the head that `data` begins with ends (behind its empty line); None where it is not all there."""
    found = _HEAD_END.search(data)
    return None if found is None else found.end()


def regular_head(head: bytes) -> bytes:
    """A reply's head in the form that every parser reads.

    RFC 9112 lets a recipient read a bare LF as a line's end (2.2), asks it to read a folded line as one (5.2), and
    lets it take a length that is stated twice, and equally, as stated once (6.3). All else stays as it is.
    """
    text = _LINE_END.sub(b"\r\n", head)
    start, _, rest = text.partition(b"\r\n")
    fields: list[bytes] = []
    lengths: set[bytes] = set()
    for line in _FOLD.sub(b" ", rest).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() != _LENGTH:
            fields.append(line)
            continue
        stated = {part.strip() for part in value.split(b",")}
        if not (len(stated) == 1 and stated == (lengths or stated)):
            return text  # lengths that differ: nobody can tell where this reply ends
        if not lengths:
            fields.append(b"Content-Length: " + next(iter(stated)))
        lengths = stated
    return b"\r\n".join([start, *fields])


def ends_with_connection(head: bytes) -> int:
    """The status of a reply that began so and ended with its connection; 0 if it was cut off.

    Only a reply that states no length of its own may end so (RFC 9112, 6.3).
    """
    end = head_end(head)
    fields = b"" if end is None else regular_head(head[:end]).lower()
    if end is None or b"\r\ncontent-length:" in fields or b"\r\ntransfer-encoding:" in fields:
        return 0
    status = fields[9:12]
    return int(status) if status.isdigit() and int(status) >= 200 else 0


def mended(begun: bytes) -> bytes | None:
    """What a parser that refused `begun`, a reply's beginning, is to read instead; None: its head is not all there.

    Raises BadReply where the head is regular as it is, so that it was refused for good.
    """
    if not b"HTTP/".startswith(begun[:5]):
        raise BadReply("the reply is no HTTP")
    if (end := head_end(begun)) is None:
        if len(begun) > MOST_HEAD_BYTES:
            raise TooLarge(f"the head of the reply is larger than {MOST_HEAD_BYTES >> 10} KB")
        return None
    head = regular_head(begun[:end])
    if head == begun[:end]:
        raise BadReply("the reply is no HTTP")
    return head + begun[end:]


class ReplyReader:
    """Reads one reply from the bytes of a connection, as they come.

    answers_head: the reply is one to HEAD, and ends with its head whatever length it states. keep_body: False reads
    past the body. Whole replies before it with a status of 1xx are read past. What comes behind the reply makes the
    connection useless (`has_surplus`), and the reply too where it came in one piece with it: nobody asked for it, and
    whoever reads on takes it for the next reply.
    """

    def __init__(
        self, *, answers_head: bool = False, most_bytes: int = 1 << 30, keep_body: bool = True
    ) -> None:
        self._answers_head = answers_head
        self._most_bytes = most_bytes
        self._keep_body = keep_body
        self._parser: Any = httptools.HttpResponseParser(self)
        self._head = b""
        self._is_irregular = False
        self.has_head = False
        self.is_complete = False
        self.has_surplus = False
        self.keeps_alive = False
        self.received = 0
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Read on. Raises BadReply for what is no HTTP, TooLarge for too much of it."""
        was_complete = self.is_complete
        self.received += len(data)
        if self.received > self._most_bytes:
            raise TooLarge(f"the reply is larger than {self._most_bytes} bytes")
        if self.is_complete:
            self.has_surplus = True
        elif self.has_head:
            self._parse(data)
        else:
            self._read_head(data)
        if self.has_surplus and not was_complete:
            raise BadReply("behind the reply came more, which nobody asked for")

    def end(self) -> None:
        """The connection ended: a reply without a length of its own is complete. Raises CutOff for any other."""
        if self.is_complete:
            return
        if not (self.has_head and not self._states_length()):
            raise CutOff("the connection was closed before the reply was complete")
        self.is_complete, self.keeps_alive = True, False

    def field(self, name: bytes) -> bytes | None:
        """The first value of a header field, by its lower-case name."""
        return next((value for known, value in self.fields if known.lower() == name), None)

    def take(self) -> bytes:
        """The part of the body that came since it was last taken."""
        taken = b"".join(self.chunks)
        self.chunks.clear()
        return taken

    def _read_head(self, data: bytes) -> None:
        self._head += data
        if self._is_irregular:
            self._read_irregular()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            self._refused(problem)
        except httptools.HttpParserUpgrade as problem:
            raise BadReply("the reply changes the protocol, which nobody asked for") from problem
        if self.has_head:
            self._head = b""
        elif len(self._head) > MOST_HEAD_BYTES:
            raise TooLarge(f"the head of the reply is larger than {MOST_HEAD_BYTES >> 10} KB")

    def _refused(self, problem: Exception) -> None:
        """The parser refused what came with the head: behind a whole reply that is surplus, else the head is mended."""
        if self.is_complete:
            self.has_surplus = True
        elif self.has_head:
            raise BadReply(f"the reply is no HTTP: {problem}") from problem
        else:
            self._is_irregular = True
            self._read_irregular(f": {problem}")

    def _read_irregular(self, why: str = "") -> None:
        """Read a head that the parser refused, once it is all there, in its regular form."""
        try:
            regular = mended(self._head)
        except TooLarge:
            raise
        except BadReply as problem:
            raise BadReply(f"{problem}{why}") from problem
        if regular is not None:
            self._head, self._is_irregular = b"", False
            self.fields, self.chunks = [], []
            self._parser = httptools.HttpResponseParser(self)
            self._parse(regular)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            if not self.is_complete:
                raise BadReply(f"the reply is no HTTP: {problem}") from problem
            self.has_surplus = True
        except httptools.HttpParserUpgrade as problem:
            raise BadReply("the reply changes the protocol, which nobody asked for") from problem

    def _states_length(self) -> bool:
        return any(name.lower() in (_LENGTH, b"transfer-encoding") for name, _ in self.fields)

    # what httptools calls

    def on_message_begin(self) -> None:
        self.has_surplus = self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.is_complete or (status := self._parser.get_status_code()) < 200:
            return
        self.status = status
        self.has_head = True
        if self._answers_head:
            self._complete()

    def on_body(self, body: bytes) -> None:
        if self._keep_body and not self.is_complete:
            self.chunks.append(body)

    def on_message_complete(self) -> None:
        if self.is_complete:
            return
        if self.has_head:
            self._complete()
        else:  # 100 Continue and its like are followed by the reply
            self.fields = []

    def _complete(self) -> None:
        self.is_complete = True
        self.keeps_alive = bool(self._parser.should_keep_alive())
