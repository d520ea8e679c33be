"""Names of columns, as all formats check them: few enough, short enough, and each once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.domain.limits import DataLimits

_MAX_NAME = 500
_GOOD_NAME = re.compile(rf"[^\x00-\x1f\x7f]{{1,{_MAX_NAME}}}")


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that occurred before; one look at each."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def require_names(names: Sequence[str], limits: DataLimits) -> None:
    """Raise TooLarge or UnreadableDataset unless these can be the columns of a dataset."""
    if len(names) > limits.max_columns:
        raise TooLarge(f"There are {len(names)} columns; {limits.max_columns} is the limit.")
    for name in names:
        if not _GOOD_NAME.fullmatch(name):
            raise UnreadableDataset(
                f"The column name {name[:40]!r} is too long or holds control characters.",
                hint=f"At most {_MAX_NAME} characters.",
            )
    n_bytes = sum(len(name.encode()) for name in names)
    if n_bytes > limits.max_name_bytes:
        raise TooLarge(f"The column names have {n_bytes} bytes; {limits.max_name_bytes} is the limit.")
    twice = first_repeated(names)
    if twice is not None:
        raise UnreadableDataset(f"The column name {twice[:80]!r} occurs twice.")
