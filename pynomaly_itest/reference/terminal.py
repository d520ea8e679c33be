"""A page on a terminal: plain text, wrapped to its width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pynomaly_itest.reference.page import Block, Code, Page, Table

_INDENT = "  "


def rendered(page: Page, width: int) -> str:
    """The page's text, without colours; a line is at most `width` wide unless it is code."""
    return "\n".join(_lines(page, max(40, width)))


def _lines(page: Page, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"{page.noun} {page.name}: {page.summary}", width)
    for section in page.sections:
        yield ""
        yield section.heading
        for number, block in enumerate(section.blocks):
            if number:
                yield ""
            yield from (_INDENT + line if line else "" for line in _block(block, width - len(_INDENT)))


def _block(block: Block, width: int) -> Iterator[str]:
    match block:
        case Code(text):
            yield from text.splitlines()
        case Table():
            yield from _table(block, width)
        case _:
            yield from textwrap.wrap(block, width)


def _table(table: Table, width: int) -> Iterator[str]:
    """Each row: the first cell on a line with the short ones, the last one wrapped below where it does not fit."""
    firsts = max(len(_bare(row[0])) for row in table.rows)
    for row in table.rows:
        name, *rest = (_said(*cell) for cell in zip(table.columns, row, strict=True))
        said = "; ".join(cell for cell in rest if cell)
        if firsts + 2 + 24 > width:
            yield name
            yield from textwrap.wrap(said, width, initial_indent="    ", subsequent_indent="    ")
            continue
        lines = textwrap.wrap(said, width - firsts - 2) or [""]
        yield f"{name:<{firsts}}  {lines[0]}".rstrip()
        for line in lines[1:]:
            yield " " * (firsts + 2) + line


def _said(column: str, cell: str) -> str:
    """A cell without its column's heading above it."""
    return f"default {_bare(cell)}" if column == "default" and cell.startswith("`") else _bare(cell)


def _bare(cell: str) -> str:
    return cell.replace("`", "")
