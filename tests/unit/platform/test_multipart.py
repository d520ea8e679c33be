"""An upload's form is bounded in every part, whatever sizes its pieces come in."""

from __future__ import annotations

import asyncio

import pytest

from pynomaly.api.bodies import ClientGone
from pynomaly.api.multipart import (
    MAX_PART_HEADER_BYTES,
    MAX_PARTS,
    MAX_TEXT_BYTES,
    read_upload_form,
)
from pynomaly.api.problems import MalformedBody
from pynomaly.domain.errors import InvalidInput, TooLarge

END = b"--b--\r\n"
MANY_HEADERS = b"\r\n" + (b"X: " + b"y" * 1_000 + b"\r\n") * (MAX_PART_HEADER_BYTES // 1_000 + 1) + b"\r\n"


def part(name: str, content: bytes, **options: str) -> bytes:
    more = "".join(f'; {key}="{value}"' for key, value in options.items())
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


FILE = part("file", b"a\n1\n", filename="a.csv")


def read(body: bytes, piece: int = 65_536, content_type: bytes = b"multipart/form-data; boundary=b"):
    pieces = [body[i : i + piece] for i in range(0, len(body), piece)] or [b""]
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in pieces]
    messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def run():
        async with read_upload_form({"headers": [(b"content-type", content_type)]}, receive) as form:
            form.file.seek(0)
            return form.file_name, form.file.read(), dict(form.texts)

    return asyncio.run(run())


@pytest.mark.parametrize("piece", [1, 7, 65_536])
def test_the_form_is_the_same_however_it_comes(piece):
    body = part("name", b"pumps") + FILE + part("metadata", b"{}") + END
    assert read(body, piece) == ("a.csv", b"a\n1\n", {"name": "pumps", "metadata": "{}"})


def test_a_large_file_comes_whole():
    content = bytes(range(256)) * 8_000
    assert read(part("file", content, filename="a.npy") + END)[1] == content


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"hello", MalformedBody),
        (b"", MalformedBody),
        (FILE, MalformedBody),  # without its end
        (part("file", b"x", filename="a") * 2 + END, InvalidInput),
        (part("other", b"x", filename="a") + END, InvalidInput),
        (part("x", b"y") * (MAX_PARTS + 1) + END, MalformedBody),
        (part("x", b"y" * (MAX_TEXT_BYTES + 1)) + END, TooLarge),
        (part("x", b"y").replace(b"\r\n\r\n", MANY_HEADERS), TooLarge),
        (part("x", b"\xff") + END, InvalidInput),
        (b"--b\r\nContent-Type: text/plain\r\n\r\ny\r\n" + END, MalformedBody),
    ],
    ids=range(10),
)
def test_what_is_not_such_a_form_is_refused(body, refusal):
    with pytest.raises(refusal):
        read(body)


@pytest.mark.parametrize(
    "content_type", [b"multipart/form-data", b"multipart/form-data; boundary=" + b"b" * 80]
)
def test_a_boundary_is_needed_and_short(content_type):
    with pytest.raises(MalformedBody, match="boundary"):
        read(FILE + END, content_type=content_type)


def test_whoever_hangs_up_is_not_answered():
    async def receive():
        return {"type": "http.disconnect"}

    async def run():
        async with read_upload_form(
            {"headers": [(b"content-type", b"multipart/form-data; boundary=b")]}, receive
        ):
            pass

    with pytest.raises(ClientGone):
        asyncio.run(run())
