"""What a target has acknowledged: each fact knows how to look afterwards whether it is still so."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.target.http import Body, Reply
from pynomaly_itest.target.platform import PlatformApi

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOLERANCE = 1e-9
_ENDED = ("completed", "failed", "cancelled")


class Fact(Protocol):
    """Something that was acknowledged."""

    async def lost(self, api: PlatformApi) -> str | None:
        """Why it is not so any more; None where it is."""


@dataclass(frozen=True)
class Stored:
    """A dataset, whose rows (n, d) must come back as they were sent."""

    id: str
    rows: NDArray[Any]

    async def lost(self, api: PlatformApi) -> str | None:
        import numpy as np

        reply = await api.send("GET", f"datasets/{self.id}/export?format=npy")
        if reply.status != 200:
            return f"dataset {self.id} was acknowledged, and GET answers {reply.status}"
        try:
            found = np.load(io.BytesIO(reply.body), allow_pickle=False)
        except (ValueError, OSError, EOFError):
            return f"dataset {self.id} comes back as no .npy file"
        if found.shape != self.rows.shape or not np.array_equal(found, self.rows):
            return f"dataset {self.id} comes back with other values than were sent"
        return None


@dataclass(frozen=True)
class Kept:
    """Anything that a GET of `path` must find."""

    path: str

    async def lost(self, api: PlatformApi) -> str | None:
        reply = await api.send("GET", self.path)
        return (
            None if reply.status == 200 else f"{self.path} was acknowledged, and GET answers {reply.status}"
        )


@dataclass(frozen=True)
class Detected:
    """A stored detection, whose scores must stay what they were."""

    id: str
    scores: tuple[float, ...]

    async def lost(self, api: PlatformApi) -> str | None:
        reply = await api.send("GET", f"detection/results/{self.id}")
        if reply.status != 200:
            return f"result {self.id} was acknowledged, and GET answers {reply.status}"
        if not same_scores(scores_in(reply), self.scores):
            return f"result {self.id} has other scores than when it was acknowledged"
        return None


@dataclass(frozen=True)
class Begun:
    """An operation that was accepted: it is known, has ended or will, and a completed training left a model.

    `rows` are for asking the model once it is said to be there.
    """

    id: str
    detector: str
    rows: Sequence[Sequence[float]]

    async def lost(self, api: PlatformApi) -> str | None:
        reply = await api.send("GET", f"operations/{self.id}")
        if reply.status != 200:
            return f"operation {self.id} was accepted, and GET answers {reply.status}"
        state = reply.json()
        status = state.get("status") if isinstance(state, dict) else None
        if status not in _ENDED:
            return f"operation {self.id} was accepted, and is still {status}"
        if status == "failed" and not state.get("error"):
            return f"operation {self.id} failed, and does not say why"
        return await self._without_model(api) if status == "completed" else None

    async def _without_model(self, api: PlatformApi) -> str | None:
        body = Body(json={"detector_id": self.detector, "rows": [list(row) for row in self.rows]})
        reply = await api.send("POST", "detection/predict", body=body)
        if reply.status == 200:
            return None
        return f"operation {self.id} is completed, and its detector answers {reply.status}"


def scores_in(reply: Reply) -> tuple[float, ...]:
    """The scores of a detection's reply; empty where it has none that are numbers."""
    try:
        result = reply.json()
    except StepFailed:
        return ()
    scores = result.get("anomaly_scores") if isinstance(result, dict) else None
    if not isinstance(scores, list) or not all(type(score) in (int, float) for score in scores):
        return ()
    return tuple(map(float, scores))


def same_scores(found: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether they are the same numbers, but for the last digits; nothing at all is never the same."""
    return len(found) == len(wanted) > 0 and all(
        abs(one - other) <= _TOLERANCE * max(1.0, abs(other))
        for one, other in zip(found, wanted, strict=True)
    )
