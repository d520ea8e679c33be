"""Bodies that a server sent compressed (RFC 9110, 8.4), with a limit on what they may become."""

from __future__ import annotations

import zlib

from pynomaly_itest.transport.reply import BadReply, TooLarge


def content_coding(head: bytes) -> bytes:
    """The Content-Encoding that a reply's head states, in lower case; b"" where it states none."""
    fields = head[: max(0, head.find(b"\r\n\r\n"))].lower()
    _, _, rest = fields.partition(b"\r\ncontent-encoding:")
    return rest.partition(b"\r\n")[0].strip()


def decoded(body: bytes, coding: bytes, most_bytes: int) -> bytes:
    """The body as it was before it was compressed.

    Raises TooLarge beyond `most_bytes`, BadReply where it can't be read, or `coding` is not known here.
    """
    if coding in (b"", b"identity"):
        return body
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        raise BadReply(f"the body has a coding that is not known: {coding.decode('latin-1')}")
    machine = zlib.decompressobj(47)  # a gzip or a zlib header, whichever is there
    try:
        whole = machine.decompress(body, most_bytes)
    except zlib.error as problem:
        raise BadReply(f"the body can't be decoded: {problem}") from problem
    if machine.unconsumed_tail:
        raise TooLarge(f"the body is larger than {most_bytes} bytes once decoded")
    return whole
