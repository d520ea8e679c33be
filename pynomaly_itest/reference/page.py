"""A page of the reference, before it is decided whether a terminal or a browser shows it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Table:
    """Rows under headings; a cell is text, which may hold `code` in backticks."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Text to be shown as it is."""

    text: str
    language: str = "yaml"


Block: TypeAlias = str | Table | Code
"""A paragraph, a table, or code."""


@dataclass(frozen=True)
class Section:
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """One thing: its family's noun, its name, what it is in a line, and the rest in sections."""

    noun: str
    name: str
    summary: str
    sections: tuple[Section, ...] = ()
    also: tuple[str, ...] = ()
    """Other names by which it is found."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)


def paragraphs(documented: object) -> tuple[str, ...]:
    """The docstring's paragraphs, each on one line."""
    text = inspect.getdoc(documented) or ""
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def section(heading: str, *blocks: Block | None) -> tuple[Section, ...]:
    """The section, if there is anything to be said in it."""
    kept = tuple(block for block in blocks if block not in (None, "") and _has_rows(block))
    return (Section(heading, kept),) if kept else ()


def _has_rows(block: Block | None) -> bool:
    return not isinstance(block, Table) or bool(block.rows)
