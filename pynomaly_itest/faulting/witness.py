"""Works with the target before, during and after a fault, and holds it to every word it gave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.faulting.facts import Begun, Detected, Kept, Stored, same_scores, scores_in
from pynomaly_itest.faulting.stage import Ledger
from pynomaly_itest.faulting.tally import Tally
from pynomaly_itest.target.http import Body, Reply
from pynomaly_itest.target.platform import PlatformApi

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS, _FEATURES, _ASKED_ROWS = 120, 3, 8
_SETTLE_S = 0.1
_PATIENCE_FOR_MANY_S = 30.0
_MOST_LISTED = 1000


@dataclass
class Witness:
    """`prepare` it, let `work` go on while things break, then let it look what `lost` has to say.

    label: what its datasets are called, so that those whose acknowledgement got lost are found. most_uploads: how
    much it leaves behind for the clean-up, in all.
    """

    api: PlatformApi
    ledger: Ledger
    label: str
    seed: int
    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    patience_s: float = 5.0
    most_uploads: int = 40
    pause_s: float = 0.02
    tally: Tally = field(default_factory=Tally)
    detector: str = ""
    dataset: str = ""
    scores: tuple[float, ...] = ()
    detected: tuple[float, ...] = ()
    _uploads: int = 0

    @cached_property
    def rows(self) -> NDArray[Any]:
        """The rows of its dataset."""
        return self.make_rows(_ROWS, self.seed)

    async def prepare(self) -> None:
        """Store a dataset, train a detector, and learn what it says: all of it must succeed."""
        self.dataset = await self._must_store(self.rows)
        self.detector = await self.must_create("hbos")
        begun = await self.api.call(
            "POST", "detection/train", accept=(202, 200), body=Body(json=self._pair(self.detector))
        )
        await self._until_trained(str(begun["id"]))
        self.scores = scores_in(await self.api.send("POST", "detection/predict", body=self._question()))
        if not self.scores:
            raise CannotMeasure("the target gave no scores to compare with, before anything was broken")
        first = await self.detect()
        self.detected = () if first is None else scores_in(first)
        if not self.detected:
            raise CannotMeasure("the target detected nothing to compare with, before anything was broken")

    def make_rows(self, count: int, seed: int) -> NDArray[Any]:
        """(count, 3) float64 from a normal distribution, every tenth row far off."""
        import numpy as np

        rows = np.random.default_rng(seed).normal(size=(count, _FEATURES))
        rows[::10] += 6.0
        return rows

    # -- what it does while things break

    async def work(self, stop: asyncio.Event) -> None:
        """Predict, upload, detect and train, over and over, until `stop` is set."""
        number = 0
        while not stop.is_set():
            await self.predict()
            if self._uploads < self.most_uploads:
                await self.upload()
            if number % 4 == 1:
                await self.detect()
            if number % 12 == 2:
                await self.train()
            number += 1
            await self.sleep(self.pause_s)

    async def predict(self) -> bool:
        """Ask again what was asked before; whether the answer was the same."""
        reply = await self._ask("POST", "detection/predict", body=self._question())
        if reply is None:
            return False
        if not same_scores(scores_in(reply), self.scores):
            self.tally.is_wrong("a prediction has other scores than before for the same rows")
            return False
        return True

    async def predict_many(self, rows: int) -> bool:
        """Ask for so many rows at once; whether it was answered."""
        asked = {"detector_id": self.detector, "rows": self.make_rows(rows, self.seed).round(3).tolist()}
        reply = await self.tally.ask(
            self.api,
            "POST",
            "detection/predict",
            accept=(200, 413),
            patience_s=_PATIENCE_FOR_MANY_S,
            body=Body(json=asked),
        )
        return reply is not None

    async def upload(self) -> bool:
        """Store a dataset of its own; whether it was acknowledged."""
        self._uploads += 1
        rows = self.make_rows(12, self.seed + 1000 + self._uploads)
        reply = await self._ask("POST", "datasets/upload", accept=(201,), body=self._file(rows))
        stored = self._id_in(reply, "an upload")
        if stored is None:
            return False
        self.ledger.created("dataset", stored, f"datasets/{stored}")
        self.tally.facts.append(Stored(stored, rows))
        return True

    async def detect(self) -> Reply | None:
        """Score the stored dataset, as before; a result that is told is one that must stay."""
        reply = await self.ask_detection(self.dataset)
        result = self._id_in(reply, "a detection")
        if reply is None or result is None:
            return None
        scores = scores_in(reply)
        if not scores:
            self.tally.is_wrong("a detection answered 200 without scores")
        elif self.detected and not same_scores(scores, self.detected):
            self.tally.is_wrong("a detection has other scores than before for the same dataset")
        self.ledger.created("result", result, f"detection/results/{result}")
        fact = Detected(result, scores)
        if fact not in self.tally.facts:  # a cached result is the same one
            self.tally.facts.append(fact)
        return reply

    async def ask_detection(self, dataset: str) -> Reply | None:
        """Its detector's scores of a dataset; None where there was no success."""
        asked = {"detector_id": self.detector, "dataset_id": dataset}
        return await self._ask("POST", "detection/detect", body=Body(json=asked))

    async def train(self) -> bool:
        """Make a detector and start its training; whether it was accepted."""
        wanted = Body(json={"name": f"{self.label} detector", "algorithm": "hbos"})
        detector = self._id_in(await self._ask("POST", "detectors", accept=(201,), body=wanted), "a detector")
        if detector is None:
            return False
        self.ledger.created("detector", detector, f"detectors/{detector}")
        self.tally.facts.append(Kept(f"detectors/{detector}"))
        reply = await self._ask(
            "POST", "detection/train", accept=(202,), body=Body(json=self._pair(detector))
        )
        operation = self._id_in(reply, "a training")
        if operation is None:
            return False
        self.tally.facts.append(Begun(operation, detector, self.rows[:2].tolist()))
        return True

    # -- what it finds afterwards

    async def lost(self, within_s: float) -> list[str]:
        """Every fact that is none any more, as sentences; what is still under way may end within `within_s`."""
        ends_s = self.clock() + within_s
        missing = list(self.tally.facts)
        while True:
            reasons = [(fact, await fact.lost(self.api)) for fact in missing]
            missing = [fact for fact, reason in reasons if reason is not None]
            if not missing or self.clock() >= ends_s or not any(isinstance(fact, Begun) for fact in missing):
                return [reason for _, reason in reasons if reason is not None]
            await self.sleep(_SETTLE_S)

    async def adopt(self) -> int:
        """Enter in the ledger what was kept although nobody was told; how many datasets those are."""
        known = {fact.id for fact in self.tally.facts if isinstance(fact, Stored)} | {self.dataset}
        listed = await self.api.call("GET", f"datasets?limit={_MOST_LISTED}")
        items = listed.get("items", []) if isinstance(listed, dict) else listed
        orphans = [item["id"] for item in items if item.get("name") == self.label and item["id"] not in known]
        for orphan in orphans:
            self.ledger.created("dataset", str(orphan), f"datasets/{orphan}")
        return len(orphans)

    # -- small things

    async def must_create(self, algorithm: str, parameters: dict[str, Any] | None = None) -> str:
        """A new detector's id; raises RequestFailed."""
        wanted = {"name": f"{self.label} detector", "algorithm": algorithm, "parameters": parameters or {}}
        made = await self.api.call("POST", "detectors", accept=(200, 201), body=Body(json=wanted))
        self.ledger.created("detector", str(made["id"]), f"detectors/{made['id']}")
        return str(made["id"])

    async def must_store(self, rows: NDArray[Any]) -> str:
        """A new dataset's id, which is a fact from then on; raises RequestFailed."""
        stored = await self._must_store(rows)
        self.tally.facts.append(Stored(stored, rows))
        return stored

    async def _must_store(self, rows: NDArray[Any]) -> str:
        made = await self.api.call("POST", "datasets/upload", accept=(200, 201), body=self._file(rows))
        self.ledger.created("dataset", str(made["id"]), f"datasets/{made['id']}")
        return str(made["id"])

    async def _until_trained(self, operation: str) -> None:
        ends_s = self.clock() + 60.0
        while self.clock() < ends_s:
            state = await self.api.call("GET", f"operations/{operation}")
            if state.get("status") == "completed":
                return
            if state.get("status") in ("failed", "cancelled"):
                raise StepFailed(f"a training ended {state['status']} before anything was broken")
            await self.sleep(0.02)
        raise StepFailed("a training took longer than 60 s before anything was broken")

    async def _ask(
        self, method: str, path: str, *, body: Body, accept: tuple[int, ...] = (200,)
    ) -> Reply | None:
        return await self.tally.ask(
            self.api, method, path, accept=accept, patience_s=self.patience_s, body=body
        )

    def _id_in(self, reply: Reply | None, what: str) -> str | None:
        if reply is None:
            return None
        with contextlib.suppress(StepFailed):
            found = reply.json()
            if isinstance(found, dict) and isinstance(found.get("id"), str):
                return str(found["id"])
        self.tally.is_wrong(f"{what} was acknowledged without an id")
        return None

    def _pair(self, detector: str) -> dict[str, str]:
        return {"detector_id": detector, "dataset_id": self.dataset}

    def _question(self) -> Body:
        return Body(json={"detector_id": self.detector, "rows": self.rows[:_ASKED_ROWS].tolist()})

    def _file(self, rows: NDArray[Any]) -> Body:
        return Body(
            files={"name": (None, self.label), "file": ("witness.npy", npy(rows), "application/octet-stream")}
        )


def npy(rows: NDArray[Any]) -> bytes:
    """Rows as an .npy file."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
