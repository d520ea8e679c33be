"""What the server and a worker say to each other: typed JSON headers, each followed by the arrays it announces."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Warm(msgspec.Struct, frozen=True, tag="warm"):
    """Import what fitting needs, so that the first training doesn't pay for it. Answered by Ready."""


class Fit(msgspec.Struct, frozen=True, tag="fit"):
    """Fit on the matrix that follows, shape (n, d). Answered by Progress …, then Fitted and the model's bytes."""

    algorithm: str
    contamination: float
    parameters: dict[str, Any]
    seed: int | None
    shape: tuple[int, int]


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Score with the model whose bytes follow. Answered by Ready."""


class Score(msgspec.Struct, frozen=True, tag="score"):
    """Score the matrix that follows, shape (n, d). Answered by Scored and n float64 scores."""

    shape: tuple[int, int]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Done, and nothing to tell."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a fit is, 0 to 1."""

    fraction: float


class Fitted(msgspec.Struct, frozen=True, tag="fitted"):
    """The fit is done; the model's bytes follow."""

    threshold: float
    fit_time_s: float


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    """n float64 scores follow."""

    n: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The input can't be used; status, code, detail and hint as the platform's errors have them."""

    status: int
    code: str
    detail: str
    hint: str | None = None


Request = Warm | Fit | Load | Score
Reply = Ready | Progress | Fitted | Scored | Refused

encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_reply = msgspec.json.Decoder(Reply).decode


def matrix_bytes(matrix: NDArray[np.float64]) -> memoryview:
    """The matrix's own memory, C order, without a copy."""
    return np.ascontiguousarray(matrix, dtype=np.float64).reshape(-1).view(np.uint8).data


def matrix_from(data: bytes, shape: tuple[int, int]) -> NDArray[np.float64]:
    """A read-only matrix over the bytes received."""
    return np.frombuffer(data, np.float64).reshape(shape)
