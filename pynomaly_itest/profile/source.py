"""Where the parts of a profile stand, so that every mistake can be shown with its line and a caret."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pynomaly_itest.errors import Mistake, Place


@dataclass(frozen=True)
class Source:
    """Where a part of a profile stands, with the text of its line for carets and reports."""

    place: Place
    line: str = ""

    def mistake(self, message: str, hint: str | None = None) -> Mistake:
        """A mistake that is made here."""
        return Mistake(message, place=self.place, source_line=self.line, hint=hint)

    def inside(self, text: str, start: int, end: int) -> Source:
        """The source of `text[start:end]`, where `text` is the scalar that stands here.

        Columns can be told only if the scalar stands in its line as it reads (no escapes, not folded over
        several lines); otherwise the whole scalar is pointed at.
        """
        column = self.place.column
        if self.line[column - 1 : column - 1 + len(text)] != text:
            return self
        return replace(self, place=replace(self.place, column=column + start, length=max(1, end - start)))
