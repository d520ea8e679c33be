"""An upload's form (multipart/form-data), read as it comes in: each part is bounded before it is kept.

The file goes into a sealed spool (`pynomaly.storage.spool`), so that nothing of it is ever on the disk in clear.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive, Scope

from pynomaly.api.bodies import ClientGone, header
from pynomaly.api.off_loop import off_loop
from pynomaly.api.problems import MalformedBody
from pynomaly.domain.errors import InvalidInput, TooLarge
from pynomaly.storage.spool import IN_MEMORY_BYTES, SealedSpool

FILE_PART = "file"
MAX_PARTS = 20
MAX_PART_HEADER_BYTES = 3_072
MAX_TEXT_BYTES = 64 << 10
_WRITE_BYTES = 512 << 10


@dataclass(slots=True)
class UploadForm:
    """The parts of the form: one file, and the text parts by name."""

    file: SealedSpool = field(default_factory=SealedSpool)
    file_name: str | None = None
    """As the client calls it; None as long as there was no file."""
    texts: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def read_upload_form(scope: Scope, receive: Receive) -> AsyncIterator[UploadForm]:
    """The form of a request, forgotten after the context.

    Raises MalformedBody where it is no form, TooLarge where a part is over its limit, ClientGone.
    """
    form = UploadForm()
    try:
        await _read(form, scope, receive)
        yield form
    finally:
        form.file.close()


async def _read(form: UploadForm, scope: Scope, receive: Receive) -> None:
    parts = _Parts(form)
    try:
        parser = MultipartParser(_boundary(scope), parts.callbacks())  # type: ignore[arg-type]
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            has_more = message.get("more_body", False)
            parser.write(message.get("body", b""))
            if len(parts.pending) >= _WRITE_BYTES:
                await off_loop(form.file.append, parts.taken())
        parser.finalize()
    except FormParserError:
        raise MalformedBody("The form can't be read: it is not multipart/form-data.") from None
    if not parts.is_ended:
        raise MalformedBody("The form can't be read: it ends before its last part does.")
    await _append(form.file, parts.taken())


async def _append(file: SealedSpool, content: bytes) -> None:
    if file.size_bytes + len(content) <= IN_MEMORY_BYTES:
        file.append(content)  # no disk is waited for
    else:
        await off_loop(file.append, content)


def _boundary(scope: Scope) -> bytes:
    _, options = parse_options_header(header(scope, b"content-type").decode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046
        raise MalformedBody(
            "The form can't be read: its Content-Type names no boundary of 1 to 70 characters."
        )
    return boundary


class _Parts:
    """Takes the form apart as the parser tells of it."""

    def __init__(self, form: UploadForm) -> None:
        self.pending = bytearray()
        self.is_ended = False
        self._form = form
        self._n_parts = 0
        self._name = ""
        self._is_file = False
        self._text = bytearray()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._n_header_bytes = 0
        self._disposition = b""

    def callbacks(self) -> dict[str, object]:
        """By the names that the parser knows."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._take_header_name,
            "on_header_value": self._take_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take_content,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def taken(self) -> bytes:
        """What came of the file since the last call."""
        content = bytes(self.pending)
        self.pending.clear()
        return content

    def _begin_part(self) -> None:
        self._n_parts += 1
        if self._n_parts > MAX_PARTS:
            raise MalformedBody(f"The form can't be read: it has more than {MAX_PARTS} parts.")
        self._n_header_bytes = 0
        self._disposition = b""

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_value += data[start:end]

    def _count_header(self, n_bytes: int) -> None:
        self._n_header_bytes += n_bytes
        if self._n_header_bytes > MAX_PART_HEADER_BYTES:
            raise TooLarge(f"A part's headers are over the limit of {MAX_PART_HEADER_BYTES} bytes.")

    def _end_header(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        if b"name" not in options:
            raise MalformedBody("The form can't be read: a part has no name.")
        self._name = options[b"name"].decode("utf-8", "replace")
        self._is_file = b"filename" in options
        if self._is_file:
            if self._name != FILE_PART or self._form.file_name is not None:
                raise InvalidInput(f"The form may hold one file only, in a part named {FILE_PART!r}.")
            self._form.file_name = options[b"filename"].decode("utf-8", "replace")

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.pending += data[start:end]
            return
        self._text += data[start:end]
        if len(self._text) > MAX_TEXT_BYTES:
            raise TooLarge(f"The part {self._name[:40]!r} is over the limit of {MAX_TEXT_BYTES} bytes.")

    def _end_part(self) -> None:
        if not self._is_file:
            self._form.texts[self._name] = _text(self._text)
            self._text.clear()

    def _end(self) -> None:
        self.is_ended = True


def _text(content: bytearray) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The text of the form is not UTF-8.") from None
