"""The models that are being served, in memory up to a limit; the rest wait on disk until they are asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cachetools import LRUCache

from pynomaly.detection import FrozenModel, parse_model
from pynomaly.domain.ports import ModelStore
from pynomaly.domain.preparation import Preparation


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model ready to score, and how columns become its matrix."""

    model: FrozenModel
    preparation: Preparation


class ModelShelf:
    """Models by id, least recently used put back first; `max_bytes` bounds what their arrays take."""

    def __init__(self, store: ModelStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._shelf: LRUCache[str, ServedModel] = LRUCache(
            max_bytes, lambda served: served.model.nbytes + 4_096
        )
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._n_forgotten = 0

    def at_hand(self, model_id: str) -> ServedModel | None:
        """The model if it is in memory."""
        with self._lock:
            return self._shelf.get(model_id)

    def get(self, model_id: str) -> ServedModel:
        """The model, read from the store if need be: one at a time, so a rush on one model reads it once."""
        served = self.at_hand(model_id)
        if served is not None:
            return served
        with self._loading:
            served = self.at_hand(model_id)
            if served is None:
                n_forgotten = self._n_forgotten
                stored = self._store.read(model_id)
                served = ServedModel(parse_model(stored.model), stored.preparation)
                self._keep(model_id, served, n_forgotten)
        return served

    def forget(self, model_id: str) -> None:
        """Take the model off the shelf; one that is being read at this moment is not put there."""
        with self._lock:
            self._n_forgotten += 1
            self._shelf.pop(model_id, None)

    @property
    def n_models(self) -> int:
        """How many models are in memory."""
        return len(self._shelf)

    def _keep(self, model_id: str, served: ServedModel, n_forgotten: int) -> None:
        with self._lock:
            if n_forgotten != self._n_forgotten:
                return
            if served.model.nbytes + 4_096 <= self._max_bytes:
                self._shelf[model_id] = served
