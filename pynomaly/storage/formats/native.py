"""What parsers written in C++ raise for content that they can't read, as an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pynomaly.domain.errors import InvalidInput, PynomalyError, TooLarge, UnreadableDataset

_REFUSALS = (ValueError, OSError, KeyError, IndexError, TypeError, NotImplementedError, OverflowError)
"""pyarrow raises its own errors, all of them ValueError or such, Python's where a name is not UTF-8, and KeyError for
types that it doesn't know."""


@contextmanager
def unreadable(detail: str, refusal: type[InvalidInput] = UnreadableDataset) -> Iterator[None]:
    """Raise the refusal with that detail for whatever a parser refuses, TooLarge where memory ran out."""
    import pyarrow as pa

    try:
        yield
    except PynomalyError:
        raise
    except MemoryError as error:
        raise TooLarge("Reading this takes more memory than one request may have.") from error
    except (pa.ArrowException, *_REFUSALS) as error:
        raise refusal(detail) from error
