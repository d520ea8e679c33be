"""Requests that a service must refuse, made from a score request that it takes: each differs from it in one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pynomaly_itest.adapters.base import Adapter, ScoreRequest
from pynomaly_itest.datasets.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SENTINEL = 8191.015625
"""A value that float64 and float32 hold exactly, and that is written in one way: it is looked for in the body."""
_DEPTH = 20_000


@dataclass(frozen=True)
class Asked:
    """A valid question: the adapter that writes it, the rows, and the model that is asked."""

    adapter: Adapter
    rows: Rows
    model: str | None = None

    def written(self, rows: Rows | None = None) -> ScoreRequest:
        return self.adapter.score_request(self.rows if rows is None else rows, model=self.model)


def _malformed(asked: Asked) -> ScoreRequest:
    valid = asked.written()
    return replace(valid, body=valid.body[: len(valid.body) // 2] + b"\xff\xfe{")


def _empty(asked: Asked) -> ScoreRequest:
    return replace(asked.written(), body=b"")


def _wide(asked: Asked) -> ScoreRequest:
    import numpy as np

    wider = np.column_stack([asked.rows.X, np.ones(len(asked.rows))])
    return asked.written(replace(asked.rows, X=wider, names=(*asked.rows.names, "one_column_too_many")))


def _narrow(asked: Asked) -> ScoreRequest | None:
    *names, last = asked.rows.names
    if not names:
        return None
    texts = {name: values for name, values in asked.rows.texts.items() if name != last}
    return asked.written(replace(asked.rows, X=asked.rows.X[:, :-1], names=tuple(names), texts=texts))


def _nan(asked: Asked) -> ScoreRequest | None:
    return _with_value(asked, b"NaN")


def _text(asked: Asked) -> ScoreRequest | None:
    return _with_value(asked, b'"no number"')


def _deep(asked: Asked) -> ScoreRequest | None:
    return _with_value(asked, b"[" * _DEPTH + b"]" * _DEPTH)


def _with_value(asked: Asked, written: bytes) -> ScoreRequest | None:
    """The question with something else in the place of its first number; None where that is not to be found."""
    numeric = [index for index, name in enumerate(asked.rows.names) if name not in asked.rows.texts]
    if not numeric:
        return None
    X: NDArray[np.float64] = asked.rows.X.copy()
    X[0, numeric[0]] = _SENTINEL
    integers = asked.rows.integers - {asked.rows.names[numeric[0]]}
    valid = asked.written(replace(asked.rows, X=X, integers=integers))
    before = repr(_SENTINEL).encode()
    return replace(valid, body=valid.body.replace(before, written)) if valid.body.count(before) == 1 else None


INVALID: Mapping[str, Callable[[Asked], ScoreRequest | None]] = {
    "malformed": _malformed,
    "empty": _empty,
    "wide": _wide,
    "narrow": _narrow,
    "text": _text,
    "nan": _nan,
    "deep": _deep,
}
"""Kinds by name: None where a question of this kind can't be made of the block."""
MEANINGS: Mapping[str, str] = {
    "malformed": "half a body",
    "empty": "no body",
    "wide": "a column too many",
    "narrow": "a column too few",
    "text": "a text for a number",
    "nan": "NaN for a number",
    "deep": f"a value nested {_DEPTH:,} deep",
}
