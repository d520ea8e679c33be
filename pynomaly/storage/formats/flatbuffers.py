"""Reads single fields of FlatBuffers tables, the form of Arrow's metadata, which pyarrow doesn't show.

Only what is needed of https://flatbuffers.dev/internals: a table begins with the distance back to its vtable, which
holds two sizes and then each field's distance from the table's start, 0 for one that is absent.
Whatever points outside raises Malformed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any


class Malformed(ValueError):
    """The metadata points outside of itself."""


@dataclass(frozen=True, slots=True)
class Vector:
    """`length` items, the first at `start` of `content`."""

    content: memoryview
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table that begins at `start` of `content`; fields are named by their position in the schema."""

    content: memoryview
    start: int

    def int16(self, field: int) -> int:
        """A 16-bit field, 0 where it is absent."""
        return self._number(field, "<h")

    def int64(self, field: int) -> int:
        """A 64-bit field, 0 where it is absent."""
        return self._number(field, "<q")

    def table(self, field: int) -> Table | None:
        """A table, or a union's, None where it is absent."""
        at = self._target(field)
        return None if at is None else Table(self.content, at)

    def vector(self, field: int) -> Vector:
        """A vector, of no items where it is absent."""
        at = self._target(field)
        if at is None:
            return Vector(self.content, 0, 0)
        return Vector(self.content, at + 4, _unpacked(self.content, "<I", at))

    def _number(self, field: int, form: str) -> int:
        at = self._place(field)
        return 0 if at is None else _unpacked(self.content, form, at)

    def _target(self, field: int) -> int | None:
        at = self._place(field)
        return None if at is None else at + _unpacked(self.content, "<I", at)

    def _place(self, field: int) -> int | None:
        vtable = self.start - _unpacked(self.content, "<i", self.start)
        entry = 4 + 2 * field
        if entry + 2 > _unpacked(self.content, "<H", vtable):
            return None
        distance = _unpacked(self.content, "<H", vtable + entry)
        return self.start + distance if distance else None


def root(buffer: Any) -> Table:
    """The table that a buffer begins with."""
    content = memoryview(buffer)
    return Table(content, _unpacked(content, "<I", 0))


def _unpacked(content: memoryview, form: str, at: int) -> int:
    if at < 0:
        raise Malformed("A field lies before the metadata.")
    try:
        value: int = struct.unpack_from(form, content, at)[0]
    except struct.error:
        raise Malformed("A field lies behind the metadata.") from None
    return value
