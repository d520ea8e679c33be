"""A family's pages as Markdown, for the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pynomaly_itest.reference.library import Family
from pynomaly_itest.reference.page import Block, Code, Page, Table


def rendered(family: Family) -> str:
    """The family's page: a heading for each thing, which can be linked to by its name."""
    pages = list(family.pages())
    lines = [f"# {family.title}", "", escaped(family.about), ""]
    if all(not page.sections for page in pages):
        rows = tuple((f"`{page.name}`", page.summary) for page in pages)
        return "\n".join([*lines, *_table(Table(("name", "meaning"), rows))]) + "\n"
    for page in pages:
        lines += _page(page)
    return "\n".join(lines) + "\n"


def _page(page: Page) -> Iterator[str]:
    yield f"## `{page.name}`"
    yield ""
    yield _sentence(escaped(page.summary))
    for section in page.sections:
        yield ""
        yield f"**{section.heading}**"
        for block in section.blocks:
            yield ""
            yield from _block(block)
    yield ""


def _block(block: Block) -> Iterator[str]:
    match block:
        case Code(text, language):
            yield f"```{language}"
            yield text
            yield "```"
        case Table():
            yield from _table(block)
        case _:
            yield escaped(block)


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(table.columns) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows:
        yield "| " + " | ".join(escaped(cell).replace("|", "\\|") for cell in row) + " |"


def escaped(text: str) -> str:
    """Text in which only backticks mean something: < and * and _ stand for themselves."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)


def _sentence(text: str) -> str:
    begun = text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "?", "!")) else f"{begun}."
