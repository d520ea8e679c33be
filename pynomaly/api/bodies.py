"""Reading what a client sends: bounded in size, strict in form, refused before it is understood where it can be."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from starlette.types import Message, Receive, Scope

from pynomaly.api.problems import MalformedBody
from pynomaly.domain.errors import InvalidInput, NonFiniteValues, TooLarge, UnsupportedMedia

T = TypeVar("T", bound=msgspec.Struct)

_SMALL_BODY_BYTES = 16_384
MAX_DEPTH = 32
MAX_STRUCT_BYTES = 1 << 20
"""Of a JSON body that holds no rows."""
MAX_FREE_FORM_BYTES = 16_384
"""Of metadata and parameters, as JSON: they are part of each answer that shows the object, and of lists."""
MAX_JSON_VALUES = 4_000_000
"""Of one body. As Python objects they take up to 64 bytes each, however short they are as text: four times the largest
body that is taken by default."""


class ClientGone(Exception):
    """The connection closed before the body was whole; there is no one to answer."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that (lower-case) name, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def content_type(scope: Scope) -> str:
    """The media type without its parameters, lower case."""
    return header(scope, b"content-type").split(b";")[0].strip().lower().decode("latin-1")


def require_plain(scope: Scope, max_bytes: int) -> None:
    """Refuse compressed bodies, which could unpack to anything, and those that announce too much."""
    encoding = header(scope, b"content-encoding").strip().lower()
    if encoding not in (b"", b"identity"):
        raise UnsupportedMedia("Compressed bodies are not taken.", hint="Send it without Content-Encoding.")
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced) > max_bytes:
        raise TooLarge(f"The body has {int(announced)} bytes; {max_bytes} is the limit.")


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The whole body; raises TooLarge as soon as there is more than `max_bytes`, whatever was announced."""
    require_plain(scope, max_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > max_bytes:
            raise TooLarge(f"The body is over the limit of {max_bytes} bytes.")
        return body
    parts = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts += message.get("body", b"")
        if len(parts) > max_bytes:
            raise TooLarge(f"The body is over the limit of {max_bytes} bytes.")
        if not message.get("more_body", False):
            return bytes(parts)
        message = await receive()


def limited(scope: Scope, receive: Receive, max_bytes: int) -> Receive:
    """The same stream, ending in TooLarge once more than `max_bytes` came."""
    require_plain(scope, max_bytes)
    n_bytes = 0

    async def receive_some() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > max_bytes:
            raise TooLarge(f"The body is over the limit of {max_bytes} bytes.")
        return message

    return receive_some


class JsonBody:
    """Decodes JSON into a struct; prepared once per route."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self._decoder = msgspec.json.Decoder(struct)
        names = [field.encode_name for field in msgspec.structs.fields(struct)]
        self._keys = [f'"{name}"'.encode() for name in names]

    def decode(self, body: bytes) -> Any:
        """The struct; raises MalformedBody for what is no JSON, InvalidInput naming the field otherwise."""
        require_few_values(body)
        try:
            decoded = self._decoder.decode(body)
            self._refuse_twofold(body)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"{error}.") from None
        except msgspec.DecodeError as error:
            if any(literal in body for literal in (b"NaN", b"Infinity")):
                raise NonFiniteValues("JSON has no NaN and no infinity.") from None
            raise MalformedBody(f"The body is not JSON: {error}.") from None
        except UnicodeDecodeError:
            raise MalformedBody("The body is not JSON: its text is not UTF-8.") from None
        except RecursionError:
            raise InvalidInput("The body is nested too deeply.") from None
        return decoded

    def _refuse_twofold(self, body: bytes) -> None:
        """A key that occurs twice means one thing here and another behind the next proxy.

        Parsing anew is dear. Where there is one object only, nothing is escaped and each key of the struct occurs at
        most once, no key can be twofold (others are refused); of a large body only the outermost keys are looked at.
        """
        is_simple = len(body) > _SMALL_BODY_BYTES or body.count(b"{") == 1
        if is_simple and b"\\" not in body and all(body.count(key) < 2 for key in self._keys):
            return
        json.loads(body, object_pairs_hook=_unique_pairs)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidInput("A key occurs twice in one object.")
    return found


def require_few_values(body: bytes) -> None:
    """Raise TooLarge, before it is decoded, for JSON of more than MAX_JSON_VALUES values.

    Counted by the marks between them; those within text count too, which matters to none but very large bodies.
    """
    if len(body) <= MAX_JSON_VALUES:
        return
    n_values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if n_values > MAX_JSON_VALUES:
        raise TooLarge(
            f"The body has more than {MAX_JSON_VALUES} values.",
            hint="Send fewer rows at once, or send them as application/x-npy.",
        )


def require_free_form(value: Any, what: str) -> None:
    """Raise InvalidInput for free-form JSON that is nested deeply, TooLarge for more than MAX_FREE_FORM_BYTES of it."""
    require_shallow(value, what)
    n_bytes = len(msgspec.json.encode(value))
    if n_bytes > MAX_FREE_FORM_BYTES:
        raise TooLarge(f"{what} takes {n_bytes} bytes as JSON; {MAX_FREE_FORM_BYTES} is the limit.")


def require_shallow(value: Any, what: str, depth: int = MAX_DEPTH) -> None:
    """Raise InvalidInput for free-form JSON nested deeper than `depth`."""
    if depth == 0:
        raise InvalidInput(f"{what} is nested too deeply.")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        require_shallow(child, what, depth - 1)


def read_query(scope: Scope, struct: type[T]) -> T:
    """The query string as a struct; raises InvalidInput naming the parameter."""
    from urllib.parse import parse_qsl

    raw = scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise InvalidInput("The query can't be read.") from None
    known = {field.encode_name for field in msgspec.structs.fields(struct)}
    given = {name: value for name, value in pairs if name in known}
    try:
        return msgspec.convert(given, struct, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{error}.") from None
